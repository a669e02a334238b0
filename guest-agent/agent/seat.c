/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/seat.h"

#include "drivers/display/console.h"
#include "guest-agent/common/key_file.h"
#include "protocol/base/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define SEAT_FILE      "/run/systemd/seats/seat0"
#define SESSION_FOLDER "/run/systemd/sessions/"
#define FRONT_FILE     "/sys/class/tty/tty0/active"
#define WATCH_EVENTS   (IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_DELETE_SELF)

static bool parse_uid(const char *text, uid_t *uid)
{
	char *end;
	const unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value >= UINT32_MAX)
		return false;
	*uid = (uid_t)value;
	return true;
}

/* Without logind. */
static void read_front(const char *root, struct seat *seat)
{
	char text[KEY_FILE_MAX], path[PATH_MAX];
	struct stat st;

	if (!key_file_read(root, FRONT_FILE, text))
		return;
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, "tty", 3) != 0 || strchr(text, '/') || strlen(text) > 8)
		return;
	snprintf(path, sizeof(path), "%s/dev/%.8s", root, text);
	if (stat(path, &st) < 0)
		return;
	seat->taken = true;
	seat->uid = st.st_uid;
}

static bool is_greeter(const char *root, const char *session)
{
	static const char greeter[] = "greeter";
	char text[KEY_FILE_MAX], path[sizeof(SESSION_FOLDER) + SEAT_SESSION_MAX], class[32];

	if (!*session || strchr(session, '/'))
		return false;
	snprintf(path, sizeof(path), SESSION_FOLDER "%s", session);
	return key_file_read(root, path, text) &&
	       key_file_value(text, "CLASS", class, sizeof(class)) && strcmp(class, greeter) == 0;
}

void seat_read(const char *root, struct seat *seat)
{
	char text[KEY_FILE_MAX], uid[16];

	*seat = (struct seat){.is_text = !*root && console_is_shown()};
	if (!key_file_read(root, SEAT_FILE, text)) {
		read_front(root, seat);
		return;
	}
	seat->taken =
		key_file_value(text, "ACTIVE_UID", uid, sizeof(uid)) && parse_uid(uid, &seat->uid);
	if (!key_file_value(text, "ACTIVE", seat->session, sizeof(seat->session)))
		seat->session[0] = '\0';
	seat->is_greeter = is_greeter(root, seat->session);
}

void seat_session_of(const char *root, pid_t pid, char session[static SEAT_SESSION_MAX])
{
	static const char prefix[] = "/session-", suffix[] = ".scope";
	char text[KEY_FILE_MAX], path[64];
	const char *name, *end;

	session[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (!key_file_read(root, path, text) || !(name = strstr(text, prefix)))
		return;
	name += strlen(prefix);
	end = strstr(name, suffix);
	if (!end || end - name >= SEAT_SESSION_MAX || memchr(name, '/', (size_t)(end - name)))
		return;
	memcpy(session, name, (size_t)(end - name));
	session[end - name] = '\0';
}

enum seat_claim seat_claim_of(const struct seat *seat, uid_t uid, const char *session)
{
	if (!seat->taken || seat->uid != uid)
		return SEAT_OTHER;
	if (*session && *seat->session)
		return strcmp(session, seat->session) == 0 ? SEAT_CERTAINLY : SEAT_OTHER;
	return seat->is_text ? SEAT_OTHER : SEAT_PROBABLY;
}

void seat_watch(const char *root, int inotify, int *watch)
{
	char path[PATH_MAX];
	const int before = *watch;

	*watch = -1;
	snprintf(path, sizeof(path), "%s" SEAT_FILE, root);
	for (char *slash; *watch < 0 && (slash = strrchr(path, '/')) && slash != path;) {
		*slash = '\0';
		*watch = inotify_add_watch(inotify, path, WATCH_EVENTS | IN_ONLYDIR);
	}
	/* A folder that is watched already keeps its number. */
	if (before >= 0 && before != *watch)
		inotify_rm_watch(inotify, before);
}

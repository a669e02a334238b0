/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/seat.h"

#include "protocol/base/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define SEAT_FILE    "/run/systemd/seats/seat0"
#define FRONT_FILE   "/sys/class/tty/tty0/active"
#define FILE_MAX     4096
#define WATCH_EVENTS (IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_DELETE_SELF)

/* The file's text, cut at FILE_MAX. */
static bool read_text(const char *path, char text[static FILE_MAX])
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t length = fd < 0 ? -1 : read(fd, text, FILE_MAX - 1);

	if (length < 0)
		return false;
	text[length] = '\0';
	return true;
}

/* The value of KEY=value on a line of its own. */
static bool value_of(const char *text, const char *key, char *value, size_t capacity)
{
	const size_t key_length = strlen(key);

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const size_t length = strcspn(line, "\n");

		if (length <= key_length || strncmp(line, key, key_length) != 0 ||
		    line[key_length] != '=' || length - key_length - 1 >= capacity)
			continue;
		memcpy(value, line + key_length + 1, length - key_length - 1);
		value[length - key_length - 1] = '\0';
		return true;
	}
	return false;
}

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
	char text[FILE_MAX], path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s" FRONT_FILE, root);
	if (!read_text(path, text))
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

void seat_read(const char *root, struct seat *seat)
{
	char text[FILE_MAX], path[PATH_MAX], uid[16];

	*seat = (struct seat){0};
	snprintf(path, sizeof(path), "%s" SEAT_FILE, root);
	if (!read_text(path, text)) {
		read_front(root, seat);
		return;
	}
	seat->taken = value_of(text, "ACTIVE_UID", uid, sizeof(uid)) && parse_uid(uid, &seat->uid);
	if (!value_of(text, "ACTIVE", seat->session, sizeof(seat->session)))
		seat->session[0] = '\0';
}

void seat_session_of(const char *root, pid_t pid, char session[static SEAT_SESSION_MAX])
{
	static const char prefix[] = "/session-", suffix[] = ".scope";
	char text[FILE_MAX], path[PATH_MAX];
	const char *name, *end;

	session[0] = '\0';
	snprintf(path, sizeof(path), "%s/proc/%d/cgroup", root, (int)pid);
	if (!read_text(path, text) || !(name = strstr(text, prefix)))
		return;
	name += strlen(prefix);
	end = strstr(name, suffix);
	if (!end || end - name >= SEAT_SESSION_MAX || memchr(name, '/', (size_t)(end - name)))
		return;
	memcpy(session, name, (size_t)(end - name));
	session[end - name] = '\0';
}

bool seat_is_of(const struct seat *seat, uid_t uid, const char *session)
{
	if (!seat->taken || seat->uid != uid)
		return false;
	return !*session || !*seat->session || strcmp(session, seat->session) == 0;
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/await.h"

#include "protocol/base/cleanup.h"

#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <xcb/xcb.h>

#define WAYLAND	     "wayland-"
#define XWAYLAND     "XWAYLAND"
#define FOLDER_EVENT (IN_CREATE | IN_MOVED_TO | IN_ATTRIB)
/* A server that has just made its socket may not serve yet. */
#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS  10000

static void cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static bool can_connect(const char *folder, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", folder, name);

	return fd >= 0 && length > 0 && (size_t)length < sizeof(address.sun_path) &&
	       connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

static bool is_wayland(const char *folder, const char *name)
{
	if (strncmp(name, WAYLAND, strlen(WAYLAND)) != 0 || strchr(name, '.') ||
	    !can_connect(folder, name))
		return false;
	return setenv("WAYLAND_DISPLAY", name, 1) == 0;
}

/* "X0" is ":0". */
static bool is_x11(const char *folder, const char *name)
{
	struct stat st;
	char path[PATH_MAX], display[32];
	xcb_connection_t *connection;
	xcb_query_extension_reply_t *reply;
	bool is_real;

	if (name[0] != 'X' || strspn(name + 1, "0123456789") != strlen(name + 1) || !name[1] ||
	    strlen(name) > 6 || !can_connect(folder, name))
		return false;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	/* Somebody else's would hold us up at best. */
	if (stat(path, &st) < 0 || (st.st_uid != getuid() && st.st_uid != 0))
		return false;
	snprintf(display, sizeof(display), ":%s", name + 1);
	connection = xcb_connect(display, NULL);
	reply = xcb_query_extension_reply(
		connection, xcb_query_extension(connection, (uint16_t)strlen(XWAYLAND), XWAYLAND),
		NULL);
	is_real = reply && !reply->present;
	free(reply);
	xcb_disconnect(connection);
	return is_real && setenv("DISPLAY", display, 1) == 0;
}

static bool look(const char *folder, bool (*is_it)(const char *folder, const char *name))
{
	_cleanup_(cleanup_closedir) DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (is_it(folder, entry->d_name))
			return true;
	}
	return false;
}

int await_desktop(const char *x11_folder)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *wayland = getenv("WAYLAND_DISPLAY");
	_cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int wait_ms = RETRY_FIRST_MS;

	if (!runtime || !*runtime)
		return -ENOENT;
	/* What systemd was told in an earlier session may be gone. */
	if (wayland && can_connect(runtime, wayland))
		return 0;
	unsetenv("WAYLAND_DISPLAY");
	unsetenv("DISPLAY");
	if (fd < 0 || inotify_add_watch(fd, runtime, FOLDER_EVENT) < 0)
		return -errno;
	for (;;) {
		struct pollfd entry = {.fd = fd, .events = POLLIN};
		char events[4096];

		/* Made by the first X server; until then /tmp is its folder. */
		if (inotify_add_watch(fd, x11_folder, FOLDER_EVENT) < 0)
			inotify_add_watch(fd, "/tmp", IN_CREATE | IN_ONLYDIR);
		if (look(runtime, is_wayland) || look(x11_folder, is_x11))
			return 0;
		if (poll(&entry, 1, wait_ms) < 0 && errno != EINTR)
			return -errno;
		if (entry.revents)
			wait_ms = RETRY_FIRST_MS;
		else
			wait_ms = wait_ms < RETRY_LAST_MS && wait_ms > 0 ? wait_ms * 2 : -1;
		while (read(fd, events, sizeof(events)) > 0)
			;
	}
}

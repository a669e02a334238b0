/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/await.h"

#include "guest-agent/common/key_file.h"
#include "guest-agent/common/process.h"
#include "guest-agent/common/unix_socket.h"
#include "protocol/base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
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

/* A descriptor, or negative errno. */
static int connect_to(const char *folder, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return unix_socket_connect(path);
}

static bool is_wayland(const char *folder, const char *name)
{
	_cleanup_close_ int fd = -EBADF;

	if (strncmp(name, WAYLAND, strlen(WAYLAND)) != 0 || strchr(name, '.'))
		return false;
	fd = connect_to(folder, name);
	return fd >= 0 && setenv("WAYLAND_DISPLAY", name, 1) == 0;
}

/*
 * Whoever listens has written a file that says who he is; X servers have names of one pattern. A
 * compositor that listens for its Xwayland would start that at a mere connection, which takes
 * seconds, for nothing.
 */
static bool is_compositor(const char *folder, const char *name)
{
	char path[PATH_MAX], text[KEY_FILE_MAX], program[PROCESS_NAME_MAX];

	snprintf(path, sizeof(path), "%s/../.%s-lock", folder, name);
	return key_file_read("", path, text) &&
	       process_name((pid_t)strtol(text, NULL, 10), program) == 0 &&
	       (program[0] != 'X' || strcmp(program, "Xwayland") == 0);
}

static bool has_extension(const char *display, const char *name)
{
	xcb_connection_t *connection = xcb_connect(display, NULL);
	xcb_query_extension_reply_t *reply = xcb_query_extension_reply(
		connection, xcb_query_extension(connection, (uint16_t)strlen(name), name), NULL);
	/* One that does not answer is none either. */
	const bool has = !reply || reply->present;

	free(reply);
	xcb_disconnect(connection);
	return has;
}

/* "X0" is ":0". */
static bool is_x11(const char *folder, const char *name)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	char path[PATH_MAX], display[32];

	if (name[0] != 'X' || strspn(name + 1, "0123456789") != strlen(name + 1) || !name[1] ||
	    strlen(name) > 6)
		return false;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	/* Somebody else's would hold us up at best. */
	if (stat(path, &st) < 0 || (st.st_uid != getuid() && st.st_uid != 0))
		return false;
	if (is_compositor(folder, name))
		return false;
	fd = connect_to(folder, name);
	if (fd < 0)
		return false;
	snprintf(display, sizeof(display), ":%s", name + 1);
	return !has_extension(display, XWAYLAND) && setenv("DISPLAY", display, 1) == 0;
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
	_cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), named = -EBADF;
	int wait_ms = RETRY_FIRST_MS;

	if (!runtime || !*runtime)
		return -ENOENT;
	/* What systemd was told in an earlier session may be gone. */
	named = wayland ? connect_to(runtime, wayland) : -ENOENT;
	if (named >= 0)
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/desktop_name.h"

#include "guest-agent/common/key_file.h"
#include "guest-agent/common/process.h"
#include "guest-agent/common/unix_socket.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Compositors whose desktop is called otherwise. */
static const struct {
	const char *program, *desktop;
} compositors[] = {
	{"gnome-shell", "GNOME"},
	{"kwin_wayland", "KDE"},
	{"kwin_wayland_wr", "KDE"},
	/* Started by systemd, which has made the socket, or by a wrapper: nobody knows. */
	{"systemd", ""},
};

static bool is_session(const char *name)
{
	return *name && !strchr(name, '/') && name[0] != '.';
}

static bool from_environment(char *name, size_t capacity)
{
	const char *names = getenv("XDG_CURRENT_DESKTOP");
	const char *last = names ? strrchr(names, ':') : NULL;

	snprintf(name, capacity, "%s", last ? last + 1 : (names ? names : ""));
	return *name != '\0';
}

/* logind names the session of a user that has a screen. */
static bool from_logind(const char *root, char *name, size_t capacity)
{
	const char *own = getenv("XDG_SESSION_ID");
	char text[KEY_FILE_MAX], path[128], session[64];

	snprintf(session, sizeof(session), "%s", own ? own : "");
	if (!*session) {
		snprintf(path, sizeof(path), "/run/systemd/users/%u", getuid());
		if (!key_file_read(root, path, text) ||
		    !key_file_value(text, "DISPLAY", session, sizeof(session)))
			return false;
	}
	snprintf(path, sizeof(path), "/run/systemd/sessions/%s", session);
	return is_session(session) && key_file_read(root, path, text) &&
	       key_file_value(text, "DESKTOP", name, capacity) && *name;
}

static void from_compositor(const char *display, char *name, size_t capacity)
{
	const char *folder = getenv("XDG_RUNTIME_DIR");
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX], program[PROCESS_NAME_MAX];

	snprintf(path, sizeof(path), "%s%s%s", *display == '/' || !folder ? "" : folder,
		 *display == '/' ? "" : "/", display);
	fd = unix_socket_connect(path);
	if (fd < 0 || process_name(unix_socket_peer(fd), program) < 0)
		return;
	snprintf(name, capacity, "%s", program);
	for (size_t i = 0; i < ARRAY_SIZE(compositors); i++) {
		if (strcmp(program, compositors[i].program) == 0)
			snprintf(name, capacity, "%s", compositors[i].desktop);
	}
}

void desktop_name_find(const char *root, const char *wayland, char *name, size_t capacity)
{
	if (from_environment(name, capacity) || from_logind(root, name, capacity))
		return;
	*name = '\0';
	if (wayland)
		from_compositor(wayland, name, capacity);
}

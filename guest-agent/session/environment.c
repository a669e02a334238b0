/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/environment.h"

#include "guest-agent/session/desktop_name.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

int environment_read(struct environment *environment)
{
	const char *wayland = variable("WAYLAND_DISPLAY"), *x11 = variable("DISPLAY");
	char *screen;

	if (!wayland && !x11)
		return -ENOENT;
	*environment =
		(struct environment){.kind = wayland ? ENVIRONMENT_WAYLAND : ENVIRONMENT_X11};
	snprintf(environment->display, sizeof(environment->display), "%s", wayland ? wayland : x11);
	/* ":0.0" is a screen of ":0". */
	screen = wayland ? NULL : strrchr(environment->display, '.');
	if (screen && strchr(screen, ':') == NULL)
		*screen = '\0';
	desktop_name_find("", wayland, environment->desktop, sizeof(environment->desktop));
	return 0;
}

int environment_lock(const struct environment *environment, bool wait)
{
	const char *folder = variable("XDG_RUNTIME_DIR");
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX], name[sizeof(environment->display)];
	struct stat st;

	memcpy(name, environment->display, sizeof(name));
	for (char *c = name; *c; c++) {
		if (*c == '/')
			*c = '-';
	}
	if (folder)
		snprintf(path, sizeof(path), "%s/lodge-session-%s.lock", folder, name);
	else
		snprintf(path, sizeof(path), "/tmp/lodge-session-%u-%s.lock", getuid(), name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	/* In /tmp somebody else may have been there first. */
	if (st.st_uid != getuid() || !S_ISREG(st.st_mode))
		return -EPERM;
	if (flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EEXIST : -errno;
	return take_fd(&fd);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sway_version - which sway is at the other end of a Wayland connection (sway-ipc(7))
 */
#ifndef LODGE_SESSION_DISPLAY_SWAY_VERSION_H
#define LODGE_SESSION_DISPLAY_SWAY_VERSION_H

struct sway_version {
	unsigned int major, minor;
};

/**
 * sway_version_get() - ask it
 * @wayland_fd:	of the connection; the kernel tells whose the other end is
 *
 * Waits up to a second.
 *
 * Return: 0; -ENOENT if it is no sway; another negative errno.
 */
int sway_version_get(int wayland_fd, struct sway_version *version);

/* What sway answers: JSON. 0 or -EBADMSG. */
int sway_version_parse(const char *text, struct sway_version *version);

#endif

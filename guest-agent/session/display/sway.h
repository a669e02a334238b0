/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sway - what is asked of sway by its own socket (sway-ipc(7)): its version, and custom modes,
 * which it takes by no other way
 *
 * @wayland_fd is that of a Wayland connection: the kernel tells whose the other end is, and sway
 * names its socket by that. Each call waits up to a second.
 */
#ifndef LODGE_SESSION_DISPLAY_SWAY_H
#define LODGE_SESSION_DISPLAY_SWAY_H

#include "protocol/head_list.h"

struct sway_version {
	unsigned int major, minor;
};

/* 0; -ENOENT if it is no sway; another negative errno. */
int sway_version_get(int wayland_fd, struct sway_version *version);

/* Make the outputs so, with custom modes. They have it some ms later. 0; -EIO if it does not want
 * to; another negative errno. */
int sway_configure(int wayland_fd, const struct head_list *heads);

/* What sway answers when asked for its version: JSON. 0 or -EBADMSG. */
int sway_version_parse(const char *text, struct sway_version *version);

/* The commands that make them so. 0; -EMSGSIZE; -EINVAL: a connector's name is none. */
int sway_commands(const struct head_list *heads, char *text, size_t capacity);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * environment - which desktop session this program belongs to, as its environment says
 */
#ifndef LODGE_SESSION_ENVIRONMENT_H
#define LODGE_SESSION_ENVIRONMENT_H

#include <stdbool.h>

enum environment_kind {
	ENVIRONMENT_WAYLAND,
	ENVIRONMENT_X11,
};

struct environment {
	enum environment_kind kind;
	char display[108]; /* $WAYLAND_DISPLAY or $DISPLAY */
	char desktop[64];  /* desktop_name.h */
};

/**
 * environment_read() - look at the variables of this process
 *
 * A Wayland session is one even though Xwayland serves an X display beside it.
 *
 * Return: 0; -ENOENT if there is neither display.
 */
int environment_read(struct environment *environment);

/**
 * environment_lock() - be the only lodge-session of this session
 * @wait:	until another one ends
 *
 * The lock is a file in $XDG_RUNTIME_DIR, or in /tmp, and is held until the process ends.
 *
 * Return: a descriptor to keep; -EEXIST if another process has it; another negative errno.
 */
int environment_lock(const struct environment *environment, bool wait);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share_list - what the host shares, left in a small file for the guest's tools and the next agent
 *
 * A line for each: its name, "ro" or "rw", how its mount stands, and, to the end of the line, the
 * place where the agent mounts it, or nothing.
 */
#ifndef LODGE_GUEST_SYSTEM_SHARE_LIST_H
#define LODGE_GUEST_SYSTEM_SHARE_LIST_H

#include "protocol/share.h"

#include <limits.h>

#define SHARE_LIST_PATH "/run/lodge/shares"

enum share_state {
	SHARE_OFFERED, /* it is for whoever mounts it */
	SHARE_WAITING, /* it is not mounted yet, or could not be */
	SHARE_MOUNTED,
};

struct share_line {
	char name[SHARE_NAME_MAX + 1];
	bool read_only;
	enum share_state state;
	char at[PATH_MAX]; /* "": nowhere */
};

/* Replaces the file in one step; without shares there is none. Return: 0 or negative errno. */
int share_list_write(const char *path, const struct share_line *lines, size_t count);

/* Return: how many there are; negative errno: -ENOENT: none. Lines that are none are left out. */
int share_list_read(const char *path, struct share_line lines[SHARE_MAX]);

#endif

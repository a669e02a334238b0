/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mounts - which file systems are worth telling of, from /proc/self/mountinfo (proc(5))
 */
#ifndef LODGE_GUEST_SYSTEM_MOUNTS_H
#define LODGE_GUEST_SYSTEM_MOUNTS_H

#include "guest-agent/system/store.h"

#define MOUNTS_MAX 64

struct mount {
	struct slice source, mount_point, type; /* texts; mount_point may be any bytes */
	unsigned int major, minor;
	bool read_only;
	/* Of statvfs(3), by whoever asked; zero: not known. */
	uint64_t size_bytes, used_bytes, available_bytes;
};

/**
 * mounts_read() - file systems that hold files of people: no kernel ones, each device once
 * @path:	"/proc/self/mountinfo"
 * @store:	keeps the texts
 * @mounts:	receives them
 *
 * Return: how many.
 */
size_t mounts_read(const char *path, struct store *store, struct mount mounts[MOUNTS_MAX]);

/**
 * mount_parse() - one line of mountinfo
 * @line:	changed: escapes are resolved
 * @mount:	points into @line
 *
 * Return: 0 or -EBADMSG.
 */
int mount_parse(char *line, struct mount *mount);

/**
 * mount_figures() - ask the file system itself; hangs where a server is dead
 * @path:	its mount point
 * @mount:	size, used and available are set on success
 *
 * Return: 0 or negative errno.
 */
int mount_figures(const char *path, struct mount *mount);

/* What is known of @mounts, as a list of info_filesystem. */
struct slice mounts_put(struct store *store, const struct mount *mounts, size_t count);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuse_mount - puts a FUSE file system into this host's tree, and takes it away
 *
 * Root asks the kernel; everybody else asks fusermount3, which is set-user-id. Always without
 * set-user-id programs and devices (nosuid, nodev): who answers is not trusted.
 */
#ifndef LODGE_CLI_FUSE_MOUNT_H
#define LODGE_CLI_FUSE_MOUNT_H

#include <stdbool.h>
#include <stddef.h>

#define FUSE_MOUNT_TYPE "fuse.lodge"

struct fuse_mount {
	const char *source;    /* what a list of mounts shows: "web1:/srv" */
	const char *directory; /* absolute */
	bool read_only;
	bool allow_other; /* not only this user may look */
};

/**
 * fuse_mount() - mount
 * @error:	one line for people on failure
 *
 * Return: the descriptor on which the kernel asks; -errno.
 */
int fuse_mount(const struct fuse_mount *mount, char *error, size_t capacity);

/**
 * fuse_unmount() - take it away
 * @lazy:	also when somebody is in it: it is gone for all who come
 *
 * Return: 0; -EBUSY; -EINVAL: nothing is mounted there; -EPERM; -errno. @error as above.
 */
int fuse_unmount(const char *directory, bool lazy, char *error, size_t capacity);

/**
 * fuse_mount_source() - what is mounted on a directory by us
 * @directory:	absolute, without links and dots
 * @source:	receives it, of the mount that is on top
 *
 * Asks the list of mounts, not the mount, which may not answer.
 *
 * Return: 0; -EINVAL: nothing of Lodge's; -errno.
 */
int fuse_mount_source(const char *directory, char *source, size_t capacity);

/**
 * fuse_mount_point() - where a mount is to be, or is
 * @point:	set to an absolute path without links and dots, to be freed; its last part is not
 *		looked at, since what is mounted there may not answer
 *
 * Return: 0; -errno.
 */
int fuse_mount_point(const char *path, char **point);

/* For tests: the options that fusermount3 is given; to be freed. NULL without memory. */
char *fuse_mount_options(const struct fuse_mount *mount);
/* For tests: a field of mountinfo, with its octal numbers made bytes again, in place. */
void fuse_mount_unescape(char *field);

#endif

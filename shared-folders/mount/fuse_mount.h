/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuse_mount - mount(2) for shares
 */
#ifndef LODGE_SHARED_FOLDERS_FUSE_MOUNT_H
#define LODGE_SHARED_FOLDERS_FUSE_MOUNT_H

#include "shared-folders/mount/options.h"

/* A virtio file system whose tag is the share's name. Return: 0; -ENODEV: there is none; another
 * negative errno of mount(2). */
int fuse_mount_virtio(const struct mount_options *options);

/* Return: a descriptor of /dev/fuse; negative errno. */
int fuse_mount_open(void);

/* The kernel checks permissions, by modes and owners as the server tells them; everybody may come,
 * unless options->private. Return: 0 or negative errno. */
int fuse_mount(const struct mount_options *options, int fuse_fd);

#endif

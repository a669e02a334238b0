/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory - the guest's memory, as the front end has handed it over
 *
 * A table of pieces that is never changed: when the front end adds or removes one there is a new
 * table, and the old one lives as long as a request whose buffers were found in it. Each piece is
 * mapped once, however many tables have it.
 *
 * A front end may cut off a file below us; then touching it ends the process, and with it the one
 * connection it has.
 */
#ifndef LODGE_SHARED_FOLDERS_VHOST_MEMORY_H
#define LODGE_SHARED_FOLDERS_VHOST_MEMORY_H

#include "protocol/virtqueue/guestmem.h"
#include "protocol/virtqueue/vhost_user.h"

struct vhost_memory;

/**
 * vhost_memory_new() - a table of @count pieces
 * @fd:		one for each; stay the caller's
 *
 * Return: 0 and @memory with one reference; negative errno: -EINVAL if a piece cannot be (it
 * overlaps, wraps, is empty, lies beyond the end of its file), -ENOSPC if there are too many, what
 * mmap() says.
 */
int vhost_memory_new(const struct vhost_user_region *region, const int *fd, size_t count,
		     struct vhost_memory **memory);

/* As @old, which may be NULL and stays, with a piece more or less. -ENOENT: it has no such. */
int vhost_memory_add(const struct vhost_memory *old, const struct vhost_user_region *region, int fd,
		     struct vhost_memory **memory);
int vhost_memory_remove(const struct vhost_memory *old, const struct vhost_user_region *region,
			struct vhost_memory **memory);

/* Any thread. Both take NULL. */
struct vhost_memory *vhost_memory_ref(struct vhost_memory *memory);
void vhost_memory_unref(struct vhost_memory *memory);

const struct guestmem *vhost_memory_map(const struct vhost_memory *memory);

/* The guest-physical address of what is at @user in the front end. 0; -EFAULT if nothing is. */
int vhost_memory_find(const struct vhost_memory *memory, uint64_t user, uint64_t *gpa);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * window - files in the guest's address space (DAX), by the front end's hands
 *
 * The front end owns the address space; we ask it, on the back end's own socket, to map a file's
 * pages into the shared memory that the guest sees, or to take them away. lodge-vmm puts a mapping
 * in the place of others at once, as the guest wants it that writes to what it has read; a front
 * end that maps nothing over what is mapped refuses, and then what is there is taken away first.
 */
#ifndef LODGE_SHARED_FOLDERS_VHOST_WINDOW_H
#define LODGE_SHARED_FOLDERS_VHOST_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct vhost_window;
struct server_window;

/* A window of @size_bytes that nobody has offered yet. NULL: no memory. */
struct vhost_window *vhost_window_new(uint64_t size_bytes);
void vhost_window_free(struct vhost_window *window);

uint64_t vhost_window_size(const struct vhost_window *window);

/* What the server is given of it; good as long as the window. */
void vhost_window_describe(struct vhost_window *window, struct server_window *description);

/* The front end maps by this socket from now on, and has nothing mapped; ours. -EBADF: no more.
 * @is_lodge: it also knows the requests of our own. */
void vhost_window_connect(struct vhost_window *window, int socket, bool is_lodge);

/**
 * vhost_window_copy() - move bytes between the window, as the guest sees it, and a memfd
 * @gpa:	where the guest says that they are; the front end knows whether it is the window
 * @memory:	a memfd, at @offset in which they go or come from; stays the caller's
 *
 * Return: 0; -EOPNOTSUPP if nobody can; -EIO if the front end could not.
 */
int vhost_window_copy(struct vhost_window *window, uint64_t gpa, uint64_t length, int memory,
		      uint64_t offset, bool into_guest);

#endif

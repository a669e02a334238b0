/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vhost_frontend - a device whose queues another process serves (vhost-user, front end)
 *
 * The messages are QEMU's docs/interop/vhost-user (protocol/virtqueue/vhost_user.h). The back end
 * gets the guest's RAM, the addresses of the rings, an eventfd for kicks and one for interrupts,
 * and then works with the guest alone. It can have pieces of files mapped into the device's window
 * by requests on a socket of its own; these are served whenever we wait for an answer, too, so that
 * both sides cannot wait for each other.
 *
 * A back end may lie, stall or die. Each answer is checked, and each call below has a time limit;
 * whatever goes wrong, the call returns a negative errno, and the connection is of no use: free it.
 * But a back end that stalls has the guest's memory still, and there is no way to take it back.
 *
 * All calls from one thread at a time.
 */
#ifndef LODGE_VMM_VHOST_FRONTEND_H
#define LODGE_VMM_VHOST_FRONTEND_H

#include "host/vmm/guest_memory.h"
#include "protocol/virtqueue/queue.h"

#include <stdbool.h>

/* For one call, however many messages it takes: a vCPU waits as long at most. And for getting to
 * know each other. */
#define VHOST_LIMIT_MS	     5000
#define VHOST_GREET_LIMIT_MS 10000

struct vhost_frontend;

/* A connection: the socket to the back end, and the two ends of the pair for its requests. */
struct vhost_sockets {
	int back_end, requests, back_ends_requests;
};

struct vhost_handlers {
	/* The back end asks to map or unmap a piece of the window. All numbers are the back end's;
	 * *@fd may be taken over (take_fd()). Return: 0 or negative errno. */
	int (*map)(void *owner, uint64_t offset, uint64_t length, int *fd, uint64_t file_offset,
		   bool writable);
	int (*unmap)(void *owner, uint64_t offset, uint64_t length);
	/* It asks to copy bytes between the window, at @gpa if they are there, and @memory_fd at
	 * @offset. All numbers are the back end's, and may be what the guest told it. */
	int (*copy)(void *owner, uint64_t gpa, uint64_t length, int memory_fd, uint64_t offset,
		    bool into_guest);
	/* A file of this device and inode may have grown: the window is to show it. */
	void (*settle)(void *owner, uint64_t device, uint64_t inode);
};

struct vhost_setup {
	const struct guestmem *memory; /* guest RAM, which lies in @ram; outlives the connection */
	const struct guest_memory *ram;
	uint64_t window_bytes; /* that the back end has to know what to do with; 0: none */
	const struct vhost_handlers *handlers;
	void *owner;
};

struct vhost_ring {
	struct virtqueue_layout layout; /* size 0: not used */
	uint16_t base;			/* index of the next available entry */
	int kick_fd, call_fd; /* eventfds, the caller's; call_fd negative: no interrupts */
	int error_fd;	      /* to be signalled if the guest breaks the ring's rules */
};

/**
 * vhost_connect() - connect to a back end's unix socket, and make the pair
 * @sockets:	set on success, the caller's
 *
 * Return: 0; -EAGAIN where too many wait to be served; or negative errno.
 */
int vhost_connect(const char *path, struct vhost_sockets *sockets);
/* The same for a socket that is connected already, which is taken over on success. */
int vhost_take(int fd, struct vhost_sockets *sockets);
void vhost_close(struct vhost_sockets *sockets);

/**
 * vhost_frontend_new() - get to know the back end
 * @sockets:	taken over, whatever the result
 * @setup:	copied
 * @problem:	set on failure, for people: what the back end did or lacks
 *
 * Return: 0 or negative errno.
 */
int vhost_frontend_new(struct vhost_sockets *sockets, const struct vhost_setup *setup,
		       struct vhost_frontend **frontend, const char **problem);

/* Hang up. NULL is fine. */
void vhost_frontend_free(struct vhost_frontend *frontend);

/* What the back end offers to the guest, and for how many queues. */
uint64_t vhost_frontend_features(const struct vhost_frontend *frontend);
unsigned int vhost_frontend_queues(const struct vhost_frontend *frontend);

/* To be watched for input: the first never has any, unless the back end has gone or breaks the
 * rules; for the second, vhost_frontend_serve(). Negative: there is none. */
int vhost_frontend_fd(const struct vhost_frontend *frontend);
int vhost_frontend_requests_fd(const struct vhost_frontend *frontend);

/* The back end asks something: answer it. Return: 0, or negative errno. */
int vhost_frontend_serve(struct vhost_frontend *frontend);

/* Whether a ring lies in the guest's RAM as it must. */
bool vhost_frontend_has_ring(const struct vhost_frontend *frontend,
			     const struct virtqueue_layout *layout);

/**
 * vhost_frontend_start() - let the back end serve rings
 * @features:	as negotiated with the guest
 * @rings:	@count of them, by queue; vhost_frontend_has_ring() is true of each
 */
int vhost_frontend_start(struct vhost_frontend *frontend, uint64_t features,
			 const struct vhost_ring *rings, unsigned int count);

/* Stop them again. When it returns 0 the back end touches guest memory no more, and @rings have
 * their bases for another start. */
int vhost_frontend_stop(struct vhost_frontend *frontend, struct vhost_ring *rings,
			unsigned int count);

/* Another eventfd for interrupts of a ring that runs. */
int vhost_frontend_set_call(struct vhost_frontend *frontend, unsigned int index, int call_fd);

/* The guest has reset the device; rings are stopped. */
int vhost_frontend_reset(struct vhost_frontend *frontend);

#endif

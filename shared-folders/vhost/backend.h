/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backend - a virtio-fs device for one machine (vhost-user back end)
 *
 * What the front end says, as QEMU's docs/interop/vhost-user has it: features, the guest's memory,
 * queues and their descriptors. Split rings; no migration log, no IOMMU, no in-flight tracking:
 * what is not offered here and asked for all the same ends the connection, and so does what cannot
 * be, unless the front end wants to be told (NEED_REPLY). Queue 0 is the one of high priority, the
 * others carry requests.
 */
#ifndef LODGE_SHARED_FOLDERS_VHOST_BACKEND_H
#define LODGE_SHARED_FOLDERS_VHOST_BACKEND_H

#include "protocol/virtqueue/vhost_user.h"
#include "shared-folders/server/server.h"
#include "shared-folders/vhost/window.h"

#define VHOST_MAX_QUEUES 65

struct vhost_options {
	/* Who serves requests: server_call(), or a test. */
	void (*call)(void *owner, struct server_call *call);
	void *owner;
	unsigned int threads;	     /* that help the queues' own; 0: none */
	const char *tag;	     /* the device's configuration; NULL: the front end has it */
	struct vhost_window *window; /* outlives the back end; NULL: none */
};

struct vhost_backend;

/* @options: copied. NULL: no memory. */
struct vhost_backend *vhost_backend_new(const struct vhost_options *options);

/**
 * vhost_backend_handle() - do what one message says
 * @message:	becomes the answer; its descriptors are taken or closed
 *
 * Return: 1 if there is an answer to be sent; 0 if there is none; negative errno where the
 * connection is to end.
 */
int vhost_backend_handle(struct vhost_backend *backend, struct vhost_user_message *message);

/* Serve a front end until it hangs up. 0 or negative errno. The queues are stopped then. */
int vhost_backend_run(struct vhost_backend *backend, int socket);

/* No request reaches the service any more; what waits for others still may come back. */
void vhost_backend_stop(struct vhost_backend *backend);

/* Nothing is with the service any more. NULL is fine. */
void vhost_backend_free(struct vhost_backend *backend);

#endif

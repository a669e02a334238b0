/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vhost_call - what is said over a vhost-user connection, and what the back end asks meanwhile
 *
 * A call has a time to end in, from vhost_begin() on. While it waits for an answer the back end's
 * own requests are served: it may not answer before.
 */
#ifndef LODGE_VMM_VHOST_CALL_H
#define LODGE_VMM_VHOST_CALL_H

#include "host/vmm/vhost_frontend.h"
#include "protocol/virtqueue/vhost_user.h"

struct vhost_frontend {
	struct vhost_setup setup;
	struct vhost_sockets sockets;
	uint64_t features, protocol_features;
	unsigned int queues;
	int64_t deadline_ms; /* of the call that is being made */
};

/* Whether both sides know @protocol_feature. */
bool vhost_has(const struct vhost_frontend *frontend, unsigned int protocol_feature);

void vhost_begin(struct vhost_frontend *frontend, int limit_ms);

/* These return 0; -ETIMEDOUT; -EPROTO: the back end breaks the rules; -EPIPE: it has gone; or
 * another negative errno. */

/* A request of @size bytes that is answered with @answer_size bytes, in @message. */
int vhost_ask(struct vhost_frontend *frontend, struct vhost_user_message *message, uint32_t request,
	      size_t size, size_t answer_size);
int vhost_ask_number(struct vhost_frontend *frontend, uint32_t request, uint64_t *number);

/* A request that is not answered, unless both sides know how to ask for it. -EREMOTEIO: the back
 * end could not. */
int vhost_tell(struct vhost_frontend *frontend, struct vhost_user_message *message,
	       uint32_t request, size_t size);
int vhost_tell_number(struct vhost_frontend *frontend, uint32_t request, uint64_t number);
int vhost_tell_ring(struct vhost_frontend *frontend, uint32_t request, unsigned int index,
		    uint32_t number);
/* A descriptor for a ring; negative: none. */
int vhost_give_ring(struct vhost_frontend *frontend, uint32_t request, unsigned int index, int fd);

/* All that was told is done: what is answered at all is answered in order. */
int vhost_settle(struct vhost_frontend *frontend);

#endif

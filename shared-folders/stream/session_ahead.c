/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the peer's kernel is about to ask, asked by ourselves and told behind the reply
 * (shared-folders/fuse/ahead.h). In line only: where much comes at once nobody waits for one
 * answer.
 */
#include "shared-folders/stream/share_session_internal.h"

#include "protocol/base/bytes.h"
#include "shared-folders/fuse/ahead.h"

#include <stdlib.h>
#include <string.h>

/* The server's answer to a question of ours. */
struct own_call {
	struct server_call call;
	size_t length;
};

static void on_own_done(struct server_call *call, size_t length)
{
	struct own_call *own = call->owner;

	own->length = length;
}

/* As whoever asked before: the peer's kernel asks for attributes in nobody's name. */
static bool ask_attributes(struct share_session *session, const struct fuse_in_header *asked,
			   uint64_t node, struct fuse_attr_out *attributes)
{
	struct {
		struct fuse_in_header header;
		struct fuse_getattr_in getattr;
	} request = {.header = {.len = sizeof(request),
				.opcode = FUSE_GETATTR,
				.unique = asked->unique,
				.nodeid = node,
				.uid = asked->uid,
				.gid = asked->gid}};
	struct {
		struct fuse_out_header header;
		struct fuse_attr_out attributes;
	} reply = {0};
	const struct iovec in = {&request, sizeof(request)}, out = {&reply, sizeof(reply)};
	struct own_call own = {.call = {.in = &in,
					.in_count = 1,
					.out = &out,
					.out_count = 1,
					.done = on_own_done,
					.owner = &own}};

	server_call(session->server, &own.call);
	*attributes = reply.attributes;
	return own.length == sizeof(reply) && reply.header.error == 0;
}

void session_look_ahead(struct share_session *session, const struct job *job)
{
	struct {
		struct fuse_out_header header;
		struct fuse_ahead ahead;
	} message = {.header = {.len = sizeof(message), .error = FUSE_AHEAD}};
	struct fuse_ahead *ahead = &message.ahead;
	struct outgoing *outgoing;
	struct fuse_in_header asked;

	if (!fuse_ahead_after(job->request, job->in.iov_len, job->reply.bytes, job->reply.length,
			      ahead))
		return;
	memcpy(&asked, job->request, sizeof(asked));
	if ((ahead->flags & FUSE_AHEAD_QUIET) &&
	    !server_close_is_quiet(session->server, ahead->file))
		ahead->flags &= ~(uint32_t)FUSE_AHEAD_QUIET;
	if ((ahead->flags & FUSE_AHEAD_ATTRIBUTES) &&
	    !ask_attributes(session, &asked, ahead->node, &ahead->attributes))
		ahead->flags &= ~(uint32_t)FUSE_AHEAD_ATTRIBUTES;
	outgoing = ahead->flags ? calloc(1, sizeof(*outgoing)) : NULL;
	if (outgoing)
		outgoing->bytes = malloc(message.header.len);
	if (!outgoing || !outgoing->bytes) {
		free(outgoing);
		return;
	}
	memcpy(outgoing->bytes, &message, sizeof(message));
	outgoing->length = sizeof(message);
	pthread_mutex_lock(&session->mutex);
	list_append(&session->done, outgoing);
	pthread_mutex_unlock(&session->mutex);
}

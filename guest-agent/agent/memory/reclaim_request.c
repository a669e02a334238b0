/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/memory/reclaim_request.h"
#include "drivers/memory/reclaim.h"
#include "protocol/base/bytes.h"
#include "protocol/message.h"

#include <errno.h>
#include <stdlib.h>

struct reclaim_request {
	struct work work;
	struct reclaim_request **current;
	struct stream *stream; /* NULL: gone */
	const char *root;
	uint64_t bytes;
	atomic_bool stop;
	/* Of the thread, until it is done. */
	int error;
	uint64_t reclaimed;
	const char *by;
};

static void on_run(struct work *work)
{
	struct reclaim_request *request = CONTAINER_OF(work, struct reclaim_request, work);

	request->error = reclaim_run(request->root, request->bytes, &request->stop, &request->by,
				     &request->reclaimed);
}

static void reply(const struct reclaim_request *request)
{
	const struct guest_memory_reclaimed result = {
		.bytes = request->reclaimed,
		.by = slice_of(request->by),
	};
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_guest_memory_reclaimed, &result, &writer);
	stream_reply(request->stream, cbor_written(&writer));
}

static void on_done(struct work *work)
{
	struct reclaim_request *request = CONTAINER_OF(work, struct reclaim_request, work);

	*request->current = NULL;
	if (request->stream && request->error == -EOPNOTSUPP)
		stream_fail(request->stream, EOPNOTSUPP,
			    "memory.reclaim: this kernel has no cgroup2 with memory.reclaim "
			    "(Linux 5.19 and later)");
	else if (request->stream && request->error)
		stream_fail(request->stream, request->error,
			    "memory.reclaim: the kernel refused it");
	else if (request->stream)
		reply(request);
	free(request);
}

static void on_cancelled(struct stream *stream, void *owner)
{
	struct reclaim_request *request = owner;

	request->stream = NULL;
	atomic_store(&request->stop, true);
	stream_fail(stream, ECANCELED, NULL);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	reclaim_request_drop(owner);
}

static const struct stream_handlers stream_handlers = {.cancelled = on_cancelled,
						       .closed = on_closed};

void reclaim_request(const struct service_context *context, struct reclaim_request **current,
		     struct stream *stream, struct slice params)
{
	struct guest_memory_reclaim want;
	struct reclaim_request *request;

	if (message_decode(&message_guest_memory_reclaim, params, &want) < 0 || want.bytes == 0) {
		stream_fail(stream, EBADMSG, "memory.reclaim: malformed parameters");
		return;
	}
	if (*current || workers_busy(context->workers)) {
		stream_fail(stream, EBUSY, "memory.reclaim: another one is at work");
		return;
	}
	request = calloc(1, sizeof(*request));
	if (!request) {
		stream_fail(stream, ENOMEM, NULL);
		return;
	}
	request->work = (struct work){.run = on_run, .done = on_done};
	request->current = current;
	request->stream = stream;
	request->root = context->root;
	request->bytes = want.bytes;
	*current = request;
	stream_set_handlers(stream, &stream_handlers, request);
	workers_submit(context->workers, &request->work);
}

void reclaim_request_drop(struct reclaim_request *request)
{
	if (!request)
		return;
	request->stream = NULL;
	atomic_store(&request->stop, true);
}

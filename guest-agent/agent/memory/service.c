/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory: answers memory.watch, by what the memory driver (drivers/memory) sees, and
 * memory.reclaim. All who watch hear the same, at the pace of the most eager: while nobody does,
 * nothing runs.
 */
#include "drivers/driver.h"
#include "drivers/memory/pace.h"
#include "guest-agent/agent/memory/reclaim_request.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "protocol/message.h"

#include <errno.h>
#include <stdlib.h>

#define WATCHERS_MAX 8
#define REPORT_BYTES 1024

struct memory_service;

struct watcher {
	struct memory_service *service;
	struct stream *stream; /* NULL: the place is free */
	struct pace_wish wish;
};

struct memory_service {
	const struct service_context *service_context;
	struct driver_context context;
	void *driver;
	struct watcher watchers[WATCHERS_MAX];
	struct reclaim_request *reclaim;
};

static void tell(const struct memory_service *service, struct slice name)
{
	uint8_t bytes[REPORT_BYTES];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	if (driver_memory.report(service->driver, &writer) < 0)
		return;
	for (size_t i = 0; i < WATCHERS_MAX; i++) {
		/* One that takes nothing misses it, and is told of the next. */
		if (service->watchers[i].stream)
			stream_message(service->watchers[i].stream, name, cbor_written(&writer));
	}
}

static void on_changed(void *owner)
{
	tell(owner, SLICE_LITERAL("report"));
}

static void on_urgent(void *owner)
{
	tell(owner, SLICE_LITERAL("urgent"));
}

/* Tell the driver what all who watch want together. */
static int adjust(const struct memory_service *service, const char **text)
{
	struct pace_wish wish = {0};
	bool watched = false;
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	for (size_t i = 0; i < WATCHERS_MAX; i++) {
		if (service->watchers[i].stream && watched)
			pace_wish_merge(&wish, &service->watchers[i].wish);
		else if (service->watchers[i].stream)
			wish = service->watchers[i].wish;
		watched = watched || service->watchers[i].stream;
	}
	if (!watched)
		return driver_memory.handle(service->driver, SLICE_LITERAL("rest"),
					    (struct slice){0}, text);
	message_encode(&message_guest_memory_watch,
		       &(struct guest_memory_watch){wish.period_ms, wish.idle_ms, wish.low_bytes},
		       &writer);
	return driver_memory.handle(service->driver, SLICE_LITERAL("watch"), cbor_written(&writer),
				    text);
}

static void forget(struct watcher *watcher)
{
	const char *text = "";
	int error;

	watcher->stream = NULL;
	error = adjust(watcher->service, &text);
	if (error)
		log_warning("cannot watch the memory any more: %s: %s", text, error_text(error));
}

static void on_cancelled(struct stream *stream, void *owner)
{
	forget(owner);
	stream_reply(stream, (struct slice){0});
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	forget(owner);
}

static const struct stream_handlers stream_handlers = {.cancelled = on_cancelled,
						       .closed = on_closed};

static void watch_call(void *state, struct stream *stream, struct slice params)
{
	struct memory_service *service = state;
	struct watcher *watcher = service->watchers;
	struct guest_memory_watch want;
	struct pace_wish wish;
	const char *text = "";
	int error;

	if (message_decode(&message_guest_memory_watch, params, &want) < 0) {
		stream_fail(stream, EBADMSG, "memory.watch: malformed parameters");
		return;
	}
	if (pace_wish_from(&want, &wish) < 0) {
		stream_fail(stream, ERANGE,
			    "memory.watch: the period is 100 ms at least, and idle_ms no shorter");
		return;
	}
	while (watcher < service->watchers + WATCHERS_MAX && watcher->stream)
		watcher++;
	if (watcher == service->watchers + WATCHERS_MAX) {
		stream_fail(stream, EAGAIN, "memory.watch: too many watch");
		return;
	}
	*watcher = (struct watcher){.service = service, .stream = stream, .wish = wish};
	error = adjust(service, &text);
	if (error) {
		watcher->stream = NULL;
		stream_fail(stream, error, text);
		return;
	}
	stream_set_handlers(stream, &stream_handlers, watcher);
}

static void reclaim_call(void *state, struct stream *stream, struct slice params)
{
	struct memory_service *service = state;

	reclaim_request(service->service_context, &service->reclaim, stream, params);
}

static int service_start(const struct service_context *context, void **state)
{
	struct memory_service *service = calloc(1, sizeof(*service));
	int error;

	if (!service)
		return -ENOMEM;
	service->service_context = context;
	service->context = (struct driver_context){
		.loop = context->loop,
		.changed = on_changed,
		.urgent = on_urgent,
		.owner = service,
		.root = context->root,
	};
	error = driver_memory.start(&service->context, &service->driver);
	if (error) {
		free(service);
		return error;
	}
	*state = service;
	return 0;
}

static void service_stop(void *state)
{
	struct memory_service *service = state;

	reclaim_request_drop(service->reclaim);
	driver_memory.stop(service->driver);
	free(service);
}

const struct service service_memory = {
	.name = "memory",
	.summary = "tells how the memory is, and has the kernel give some up",
	.start = service_start,
	.stop = service_stop,
	.methods = (const struct service_method[]){{"memory.watch", watch_call},
						   {"memory.reclaim", reclaim_call},
						   {NULL, NULL}},
};

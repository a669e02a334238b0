/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * info: answers agent.info.
 *
 * A thread collects; then each file system is asked for its figures by a thread of its own, and
 * those that have not answered by the deadline are told of without figures. A file system that
 * once did not answer is not asked again until it has: a dead server costs one thread, not one
 * each time.
 */
#include "guest-agent/agent/service.h"
#include "guest-agent/system/collect.h"
#include "guest-agent/system/mounts.h"
#include "guest-agent/system/parts.h"
#include "protocol/base/bytes.h"
#include "protocol/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEADLINE_MS 1000

struct probe;

struct info_service {
	struct service_context context;
	struct probe *probes; /* under way */
};

struct request {
	struct work work;
	struct info_service *service;
	struct stream *stream; /* NULL: gone */
	unsigned int parts;
	uv_timer_t deadline;
	size_t mount_count, pending;
	struct info info;
	struct mount mounts[MOUNTS_MAX];
	struct store store;
};

/* One statvfs(3); outlives its request when it hangs. */
struct probe {
	struct work work;
	struct probe *next;
	struct info_service *service;
	struct request *request; /* NULL: it did not wait */
	struct mount *mount;	 /* of the request */
	unsigned int major, minor;
	int result;
	struct mount figures;
	char path[];
};

static void collect_run(struct work *work)
{
	struct request *request = CONTAINER_OF(work, struct request, work);

	collect_parts(request->parts, &request->store, &request->info);
	if (request->parts & PART_AGENT)
		request->info.agent = slice_of("lodge-agent " LODGE_VERSION);
	if (request->parts & PART_FILESYSTEMS)
		request->mount_count =
			mounts_read("/proc/self/mountinfo", &request->store, request->mounts);
}

static void on_released(uv_handle_t *timer)
{
	free(timer->data);
}

static void forget_probes(struct request *request)
{
	for (struct probe *probe = request->service->probes; probe; probe = probe->next) {
		if (probe->request == request)
			probe->request = NULL;
	}
}

static void finish(struct request *request)
{
	static const size_t capacity = FRAME_MAX_MESSAGE;
	struct cbor_writer writer = {.capacity = capacity};
	struct stream *stream = request->stream;

	forget_probes(request);
	if (stream) {
		request->stream = NULL;
		request->info.filesystems =
			mounts_put(&request->store, request->mounts, request->mount_count);
		writer.bytes = malloc(capacity);
		if (!writer.bytes) {
			stream_fail(stream, ENOMEM, NULL);
		} else {
			message_encode(&message_info, &request->info, &writer);
			stream_reply(stream, cbor_written(&writer));
		}
		free(writer.bytes);
	}
	uv_close((uv_handle_t *)&request->deadline, on_released);
}

static void probe_run(struct work *work)
{
	struct probe *probe = CONTAINER_OF(work, struct probe, work);

	probe->result = mount_figures(probe->path, &probe->figures);
}

static void take_figures(struct mount *mount, const struct mount *figures)
{
	mount->size_bytes = figures->size_bytes;
	mount->used_bytes = figures->used_bytes;
	mount->available_bytes = figures->available_bytes;
}

static void probe_done(struct work *work)
{
	struct probe *probe = CONTAINER_OF(work, struct probe, work);
	struct request *request = probe->request;
	struct probe **link = &probe->service->probes;

	while (*link != probe)
		link = &(*link)->next;
	*link = probe->next;
	if (request) {
		if (probe->result == 0)
			take_figures(probe->mount, &probe->figures);
		if (--request->pending == 0)
			finish(request);
	}
	free(probe);
}

static bool hangs(const struct info_service *service, const struct mount *mount)
{
	for (const struct probe *probe = service->probes; probe; probe = probe->next) {
		if (!probe->request && probe->major == mount->major && probe->minor == mount->minor)
			return true;
	}
	return false;
}

static void start_probe(struct request *request, struct mount *mount)
{
	struct info_service *service = request->service;
	struct probe *probe;

	if (hangs(service, mount))
		return;
	probe = calloc(1, sizeof(*probe) + mount->mount_point.length + 1);
	if (!probe)
		return;
	memcpy(probe->path, mount->mount_point.bytes, mount->mount_point.length);
	probe->work = (struct work){.run = probe_run, .done = probe_done};
	probe->service = service;
	probe->request = request;
	probe->mount = mount;
	probe->major = mount->major;
	probe->minor = mount->minor;
	probe->next = service->probes;
	service->probes = probe;
	request->pending++;
	workers_submit(service->context.workers, &probe->work);
}

static void on_deadline(uv_timer_t *timer)
{
	finish(timer->data);
}

static void collect_done(struct work *work)
{
	struct request *request = CONTAINER_OF(work, struct request, work);

	for (size_t i = 0; i < request->mount_count && request->stream; i++)
		start_probe(request, &request->mounts[i]);
	if (request->pending == 0)
		finish(request);
	else
		uv_timer_start(&request->deadline, on_deadline, DEADLINE_MS, 0);
}

/* The deadline, or the collecting thread, comes and frees. */
static void on_cancelled(struct stream *stream, void *owner)
{
	struct request *request = owner;

	request->stream = NULL;
	stream_fail(stream, ECANCELED, NULL);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct request *request = owner;

	(void)stream;
	(void)result;
	request->stream = NULL;
}

static const struct stream_handlers stream_handlers = {.cancelled = on_cancelled,
						       .closed = on_closed};

static void info_call(void *state, struct stream *stream, struct slice params)
{
	struct info_service *service = state;
	struct info_params want;
	struct request *request;
	unsigned int parts;

	if (message_decode(&message_info_params, params, &want) < 0 ||
	    parts_parse(want.what, &parts) < 0) {
		stream_fail(stream, EBADMSG, "agent.info: malformed parameters");
		return;
	}
	if (workers_busy(service->context.workers)) {
		stream_fail(stream, EBUSY, "agent.info: too many operations hang");
		return;
	}
	request = calloc(1, sizeof(*request));
	if (!request) {
		stream_fail(stream, ENOMEM, NULL);
		return;
	}
	request->work = (struct work){.run = collect_run, .done = collect_done};
	request->service = service;
	request->stream = stream;
	request->parts = parts;
	uv_timer_init(service->context.loop, &request->deadline);
	request->deadline.data = request;
	stream_set_handlers(stream, &stream_handlers, request);
	workers_submit(service->context.workers, &request->work);
}

static int info_start(const struct service_context *context, void **state)
{
	struct info_service *service = calloc(1, sizeof(*service));

	if (!service)
		return -ENOMEM;
	service->context = *context;
	*state = service;
	return 0;
}

static void info_stop(void *state)
{
	/* Of what hangs, nothing is called any more: workers_free() follows. */
	free(state);
}

const struct service service_info = {
	.name = "info",
	.summary = "tells of the system, users, network, disks, memory, load",
	.start = info_start,
	.stop = info_stop,
	.methods = (const struct service_method[]){{"agent.info", info_call}, {NULL, NULL}},
};

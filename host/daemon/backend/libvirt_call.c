/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/libvirt_call.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* libvirt's own threads have as much; musl-like small defaults would not do for its XML. */
#define STACK_SIZE (1024 * 1024)

struct running {
	struct running *next;
	struct libvirt_call *call;
};

struct libvirt_calls {
	struct loop_queue queue;
	struct running *list;
	unsigned int count;
	bool ended; /* nobody starts one any more */
};

static void timer_closed(uv_handle_t *timer)
{
	free(timer);
}

static void stop_limit(struct libvirt_call *call)
{
	if (call->limit)
		uv_close((uv_handle_t *)call->limit, timer_closed);
	call->limit = NULL;
}

static void answer(struct libvirt_call *call, int error, const char *text)
{
	stop_limit(call);
	if (call->answered)
		return;
	call->answered = true;
	call->done(call, error, text);
}

static void on_limit(uv_timer_t *limit)
{
	answer(limit->data, -ETIMEDOUT, "libvirt does not answer");
}

static void queue_closed(uv_handle_t *wake)
{
	free(wake->data);
}

static void has_run(struct loop_item *item)
{
	struct libvirt_call *call = CONTAINER_OF(item, struct libvirt_call, item);
	struct libvirt_calls *calls = call->calls;

	for (struct running **at = &calls->list; *at; at = &(*at)->next) {
		struct running *entry = *at;

		if (entry->call == call) {
			*at = entry->next;
			free(entry);
			calls->count--;
			break;
		}
	}
	answer(call, call->error, call->text);
	call->release(call);
	if (calls->ended && calls->count == 0)
		uv_close((uv_handle_t *)&calls->queue.wake, queue_closed);
}

static void *run_call(void *opaque)
{
	struct libvirt_call *call = opaque;

	call->run(call);
	loop_queue_post(&call->calls->queue, &call->item);
	return NULL;
}

static int start_thread(struct libvirt_call *call)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	r = -pthread_create(&thread, &attributes, run_call, call);
	pthread_attr_destroy(&attributes);
	return r;
}

static void start_limit(struct libvirt_calls *calls, struct libvirt_call *call, uint64_t limit_ms)
{
	call->limit = limit_ms ? malloc(sizeof(*call->limit)) : NULL;
	if (!call->limit)
		return;
	uv_timer_init(calls->queue.wake.loop, call->limit);
	call->limit->data = call;
	uv_timer_start(call->limit, on_limit, limit_ms, 0);
}

void libvirt_call_start(struct libvirt_calls *calls, struct libvirt_call *call, uint64_t limit_ms)
{
	struct running *entry = NULL;
	int r = -EAGAIN;

	call->calls = calls;
	call->item.handle = has_run;
	if (!calls->ended && calls->count < LIBVIRT_CALLS_MAX) {
		entry = malloc(sizeof(*entry));
		r = entry ? 0 : -ENOMEM;
	}
	if (r == 0) {
		*entry = (struct running){calls->list, call};
		r = start_thread(call);
	}
	if (r == 0) {
		calls->list = entry;
		calls->count++;
		start_limit(calls, call, limit_ms);
		return;
	}
	free(entry);
	answer(call, r,
	       r == -EAGAIN ? "libvirt does not answer, and many calls wait for it"
			    : "out of memory");
	call->release(call);
}

struct libvirt_calls *libvirt_calls_new(uv_loop_t *loop)
{
	struct libvirt_calls *calls = calloc(1, sizeof(*calls));

	if (calls && loop_queue_init(&calls->queue, loop) < 0) {
		free(calls);
		return NULL;
	}
	if (calls)
		calls->queue.wake.data = calls;
	return calls;
}

void libvirt_calls_free(struct libvirt_calls *calls)
{
	if (!calls)
		return;
	calls->ended = true;
	for (struct running *at = calls->list; at; at = at->next)
		answer(at->call, -ECANCELED, "lodged is ending");
	if (calls->count == 0)
		uv_close((uv_handle_t *)&calls->queue.wake, queue_closed);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/agent_memory.h"

#include "host/daemon/broker/agent_link.h"
#include "host/daemon/vm.h"
#include "protocol/base/log.h"

#include <string.h>
#include <sys/param.h>

/* While something changes; and at the latest, so that a guest that hangs is found out. */
#define PERIOD_MS 1000
#define IDLE_MS	  10000

static uint64_t sum(uint64_t a, uint64_t b)
{
	uint64_t result;

	return __builtin_add_overflow(a, b, &result) ? UINT64_MAX : result;
}

void agent_memory_sample(const struct guest_memory_report *report, uint64_t now_ms,
			 struct memory_sample *sample)
{
	*sample = (struct memory_sample){
		.at_ms = now_ms,
		.period_ms = (uint32_t)MIN(MAX(report->period_ms, PERIOD_MS), IDLE_MS),
		.free_bytes = report->free_bytes,
		.available_bytes = report->available_bytes,
		.refaulted_bytes =
			sum(report->refaulted_anonymous_bytes, report->refaulted_file_bytes),
		.swapped_in_bytes = report->swapped_in_bytes,
		.swap_used_bytes = report->swap_total_bytes > report->swap_free_bytes
					   ? report->swap_total_bytes - report->swap_free_bytes
					   : 0,
		.swap_free_bytes = report->swap_free_bytes,
		.reclaims = report->reclaim.length > 0,
		.stall_us = report->some_us,
		.total_bytes = report->total_bytes,
	};
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct guest_memory_report report;
	struct memory_sample sample;
	struct vm *vm = owner;

	(void)stream;
	if (!vm->memory || message_decode(&message_guest_memory_report, params, &report) < 0)
		return;
	vm->memory_online = report.online;
	agent_memory_sample(&report, memory_member_now(vm->memory), &sample);
	memory_member_sample(vm->memory, MEMORY_FROM_AGENT, &sample);
	if (slice_is(name, "urgent") && slice_is(report.cause, "stall"))
		memory_member_stalls(vm->memory);
	else if (slice_is(name, "urgent"))
		memory_member_urgent(vm->memory);
}

void agent_memory_reclaim(void *owner, uint64_t bytes)
{
	const struct guest_memory_reclaim reclaim = {.bytes = bytes};
	struct vm *vm = owner;
	uint8_t encoded[32];
	struct cbor_writer writer = CBOR_WRITER(encoded);
	int r;

	message_encode(&message_guest_memory_reclaim, &reclaim, &writer);
	r = agent_link_tell(vm->agent, "memory.reclaim", cbor_written(&writer));
	if (r < 0)
		log_debug("%s: its agent is not asked to reclaim: %s", vm->name, error_text(r));
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct vm *vm = owner;

	(void)stream;
	(void)result;
	vm->memory_watched = false;
}

static bool can_watch(const struct vm *vm)
{
	for (const char *const *name = agent_link_capabilities(vm->agent); *name; name++) {
		if (strcmp(*name, "memory") == 0)
			return true;
	}
	return false;
}

void agent_memory_start(struct vm *vm)
{
	static const struct stream_handlers handlers = {
		.message = on_message,
		.closed = on_closed,
	};
	struct guest_memory_watch watch = {.period_ms = PERIOD_MS, .idle_ms = IDLE_MS};
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	int r;

	if (!vm->memory || vm->memory_watched || !agent_link_is_available(vm->agent) ||
	    !can_watch(vm))
		return;
	message_encode(&message_guest_memory_watch, &watch, &writer);
	r = agent_link_request(vm->agent, "memory.watch", cbor_written(&writer), &handlers, vm,
			       NULL);
	vm->memory_watched = r == 0;
	if (r < 0)
		log_warning("%s: its memory is not watched by its agent: %s", vm->name,
			    error_text(r));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/vmm_memory.h"
#include "host/daemon/agent_memory.h"

#include "host/daemon/backend.h"
#include "host/daemon/lodged_memory.h"
#include "protocol/base/log.h"
#include "protocol/message.h"

#include <errno.h>

/* How often a guest without agent is asked for its statistics. */
#define STATISTICS_MS 1000

/* Numbers of virtio 1.2, 5.5.6.4. */
#define HAS_FREE      (UINT64_C(1) << 4)
#define HAS_AVAILABLE (UINT64_C(1) << 6)

static void ignore_answer(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)owner;
	(void)result;
}

static void tell(struct vm *vm, const char *method, const struct message_type *type,
		 const void *message, const struct stream_handlers *handlers)
{
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(type, message, &writer);
	if (vmm_request(vm, method, cbor_written(&writer), handlers) < 0 && vm->memory)
		memory_member_failed(vm->memory);
}

static void ask_for_statistics(struct vm *vm, const struct vm_memory *memory)
{
	static const struct stream_handlers nobody = {.closed = ignore_answer};
	struct vm_statistics message = {
		.period_ms = memory_member_needs_statistics(vm->memory) ? STATISTICS_MS : 0};

	if (memory->period_ms != message.period_ms)
		tell(vm, "vm.statistics", &message_vm_statistics, &message, &nobody);
}

static void sample(struct vm *vm, const struct vm_memory *memory)
{
	struct memory_statistics statistics = {
		.has_available = memory->tags & HAS_AVAILABLE,
		.free_bytes = memory->free_bytes,
		.available_bytes = memory->available_bytes,
		.caches_bytes = memory->caches_bytes,
		.swap_in_bytes = memory->swap_in_bytes,
		.swap_out_bytes = memory->swap_out_bytes,
		.total_bytes = memory->total_bytes,
		.stalls = memory->stalls,
		.age_ms = memory->age_ms,
		.period_ms = STATISTICS_MS,
	};
	struct memory_sample result;

	if (!(memory->tags & HAS_FREE))
		return;
	memory_sample_of_statistics(&statistics, memory_member_now(vm->memory), &result);
	memory_member_sample(vm->memory, MEMORY_FROM_BALLOON, &result);
}

/* --- What is plugged in ----------------------------------------------------------------------- */

static void on_plugged(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct vm *vm = owner;
	struct vmm_plug *plug = vmm_plug_of(vm);

	(void)stream;
	if (!result->error || !plug || !vm->memory)
		return;
	log_warning("%s: its memory does not grow or shrink: %.*s", vm->name,
		    (int)result->text.length, (const char *)result->text.bytes);
	vmm_plug_refused(plug, memory_member_now(vm->memory));
}

static void adjust_plug(struct vm *vm, struct vmm_plug *plug)
{
	static const struct stream_handlers handlers = {.closed = on_plugged};
	struct vm_plug message = {.ram_bytes = vmm_plug_wish(plug, memory_member_now(vm->memory))};

	if (!message.ram_bytes)
		return;
	vmm_plug_asked(plug, message.ram_bytes);
	tell(vm, "vm.plug", &message_vm_plug, &message, &handlers);
}

/* Above what it started with the guest can have only what it puts into use. What is plugged in
 * already, before its agent has said anything, an earlier lodged found to be so. */
static void look_at_plug(struct vm *vm, const struct vm_memory *memory)
{
	struct vmm_plug *plug = vmm_plug_of(vm);

	if (!plug || !memory->plug)
		return;
	/* The next guest may have no agent. */
	if (!memory->plug_driver)
		vm->memory_online = false;
	memory_member_reach(vm->memory,
			    vm->memory_online ? memory->maximum_bytes : memory->ram_bytes);
	vmm_plug_told(plug, memory, memory_member_now(vm->memory));
	adjust_plug(vm, plug);
}

void vmm_memory_told(struct vm *vm, struct slice params)
{
	struct memory_observation seen = {0};
	struct vm_memory memory;

	if (!vm->memory || message_decode(&message_vm_memory, params, &memory) < 0 ||
	    memory.maximum_bytes == 0)
		return;
	seen.actual_bytes = memory.balloon ? memory.actual_bytes : memory.maximum_bytes;
	/* Who does not deflate on OOM takes the balloon from its total. */
	if (memory.deflate_on_oom && memory.ram_bytes > memory.start_bytes)
		seen.plugged_bytes = memory.ram_bytes - memory.start_bytes;
	seen.resident_bytes = memory.resident_bytes;
	seen.driver = memory.driver;
	look_at_plug(vm, &memory);
	memory_member_observe(vm->memory, &seen);
	if (!memory.driver)
		return;
	ask_for_statistics(vm, &memory);
	sample(vm, &memory);
}

/* --- The driver ------------------------------------------------------------------------------- */

static void on_memory(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	if (!result->error)
		vmm_memory_told(owner, result->params);
}

static void observe(void *owner)
{
	static const struct stream_handlers handlers = {.closed = on_memory};

	(void)vmm_request(owner, "vm.memory", (struct slice){NULL, 0}, &handlers);
}

static void on_target(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct vm *vm = owner;

	(void)stream;
	/* A VMM without a balloon says so each time; it has no driver either. */
	if (result->error && vm->memory)
		memory_member_failed(vm->memory);
}

static void set_target(void *owner, uint64_t target_bytes)
{
	static const struct stream_handlers handlers = {.closed = on_target};
	/* lodge-vmm takes no less. */
	struct vm_balloon message = {
		.target_bytes = target_bytes < 16 * MEMORY_MIB ? 16 * MEMORY_MIB : target_bytes};
	struct vmm_plug *plug = vmm_plug_of(owner);

	/* First, so that the balloon finds what it is to leave to the guest. */
	if (plug) {
		plug->target_bytes = message.target_bytes;
		adjust_plug(owner, plug);
	}
	tell(owner, "vm.balloon", &message_vm_balloon, &message, &handlers);
}

const struct vm_memory_driver vmm_memory_driver = {
	.observe = observe,
	.set_target = set_target,
	.set_limit = lodged_memory_limit,
	.can_limit = lodged_memory_can_limit,
	.pause = lodged_memory_pause,
	.reclaim = agent_memory_reclaim,
	.keep = lodged_memory_keep,
};

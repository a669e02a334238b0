/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/vmm_count.h"

#include "host/daemon/statistics/statistics.h"
#include "protocol/message.h"

#include <stdlib.h>

/* Bits of vm_memory.tags: virtio 1.2, 5.5.6.4. */
#define TAG_AVAILABLE 6
#define TAG_CACHES    7
#define TAG_OOM_KILLS 10

/* One question on its way. */
struct asked {
	struct vm *vm;
	struct statistics_round *round;
	void (*take)(struct vm *vm, struct slice params);
};

static void take_counters(struct vm *vm, struct slice params)
{
	struct figures *figures = &vm->figures;
	struct vm_counters counters;

	if (message_decode(&message_vm_counters, params, &counters) < 0)
		return;
	figures_set(figures, VM_TIME, statistics_now());
	figures_set(figures, VM_CPU_TIME, counters.cpu_ns);
	figures_set(figures, VM_DISK_READ_BYTES, counters.disk_read_bytes);
	figures_set(figures, VM_DISK_WRITTEN_BYTES, counters.disk_written_bytes);
	figures_set(figures, VM_DISK_READS, counters.disk_reads);
	figures_set(figures, VM_DISK_WRITES, counters.disk_writes);
	figures_set(figures, VM_NETWORK_RECEIVED_BYTES, counters.network_received_bytes);
	figures_set(figures, VM_NETWORK_SENT_BYTES, counters.network_sent_bytes);
	figures_set(figures, VM_NETWORK_RECEIVED_PACKETS, counters.network_received_frames);
	figures_set(figures, VM_NETWORK_SENT_PACKETS, counters.network_sent_frames);
}

static void take_memory(struct vm *vm, struct slice params)
{
	struct figures *figures = &vm->figures;
	struct vm_memory memory;

	if (message_decode(&message_vm_memory, params, &memory) < 0)
		return;
	figures_set(figures, VM_MEMORY_MAXIMUM, memory.maximum_bytes);
	figures_set(figures, VM_MEMORY_RESIDENT, memory.resident_bytes);
	if (memory.balloon) {
		figures_set(figures, VM_MEMORY_ACTUAL, memory.actual_bytes);
		figures_set(figures, VM_MEMORY_TARGET, memory.target_bytes);
	}
	if (memory.tags >> TAG_AVAILABLE & 1)
		figures_set(figures, VM_MEMORY_AVAILABLE, memory.available_bytes);
	if (memory.tags >> TAG_CACHES & 1)
		figures_set(figures, VM_MEMORY_CACHE, memory.caches_bytes);
	if (memory.tags >> TAG_OOM_KILLS & 1)
		figures_set(figures, VM_OOM_KILLS, memory.oom_kills);
}

static void answered(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct asked *asked = owner;

	(void)stream;
	if (result->error == 0)
		asked->take(asked->vm, result->params);
	statistics_release(asked->round);
	free(asked);
}

static void ask(struct vm *vm, struct session *session, struct statistics_round *round,
		struct slice method, void (*take)(struct vm *vm, struct slice params))
{
	static const struct stream_handlers handlers = {.closed = answered};
	struct asked *asked = malloc(sizeof(*asked));

	if (!asked)
		return;
	*asked = (struct asked){vm, round, take};
	if (session_request(session, method, (struct slice){NULL, 0}, &handlers, asked, NULL) < 0)
		free(asked);
	else
		statistics_hold(round);
}

void vmm_count(struct vm *vm, struct session *session, struct statistics_round *round)
{
	ask(vm, session, round, SLICE_LITERAL("vm.counters"), take_counters);
	ask(vm, session, round, SLICE_LITERAL("vm.memory"), take_memory);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/counters.h"

#include "host/vmm/virtio/device.h"
#include "protocol/message.h"

#include <linux/virtio_ids.h>
#include <time.h>

#define NANOSECONDS 1000000000ULL

static uint64_t cpu_time_ns(void)
{
	struct timespec time;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) < 0)
		return 0;
	return (uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec;
}

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add(const struct virtio_traffic *traffic, uint64_t *bytes_in, uint64_t *bytes_out,
		uint64_t *in, uint64_t *out)
{
	*bytes_in += get(&traffic->bytes[VIRTIO_TO_GUEST]);
	*bytes_out += get(&traffic->bytes[VIRTIO_FROM_GUEST]);
	*in += get(&traffic->operations[VIRTIO_TO_GUEST]);
	*out += get(&traffic->operations[VIRTIO_FROM_GUEST]);
}

struct slice counters_describe(const struct vm *vm, uint8_t bytes[COUNTERS_SIZE])
{
	struct vm_counters counters = {.cpu_ns = cpu_time_ns()};
	struct cbor_writer writer = {.bytes = bytes, .capacity = COUNTERS_SIZE};

	for (const struct virtio_device *device = vm->devices; device; device = device->next) {
		if (device->ops->id == VIRTIO_ID_BLOCK)
			add(&device->traffic, &counters.disk_read_bytes,
			    &counters.disk_written_bytes, &counters.disk_reads,
			    &counters.disk_writes);
		else if (device->ops->id == VIRTIO_ID_NET)
			add(&device->traffic, &counters.network_received_bytes,
			    &counters.network_sent_bytes, &counters.network_received_frames,
			    &counters.network_sent_frames);
	}
	message_encode(&message_vm_counters, &counters, &writer);
	return cbor_written(&writer);
}

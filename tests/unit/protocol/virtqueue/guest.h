/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest - a guest without a CPU: memory, and a driver's side of rings that does what it is told
 *
 * Used by unit tests and fuzz targets, which is why it is a header: fuzz targets are one file each.
 */
#ifndef LODGE_TESTS_VIRTQUEUE_GUEST_H
#define LODGE_TESTS_VIRTQUEUE_GUEST_H

#include "protocol/base/bytes.h"
#include "protocol/virtqueue/queue.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>

#define GUEST_RAM_AT	0x100000
#define GUEST_RAM_BYTES 0x100000
/* Each queue has its three rings in a piece of its own, from the beginning of memory. */
#define GUEST_QUEUE_BYTES 0x3000
#define GUEST_MAX_SIZE	  256 /* entries that have room there */
#define GUEST_MAX_QUEUES  34
#define GUEST_BUFFERS_AT  (GUEST_RAM_AT + 0x80000)

struct guest_queue {
	uint16_t size;
	uint64_t descriptors, available, used; /* guest-physical */
	uint16_t next_descriptor, next_available, next_used;
};

struct guest {
	uint8_t *ram; /* from malloc(): sanitizers see one byte too far */
	struct guestmem memory;
	struct guest_queue queue[GUEST_MAX_QUEUES];

	/* Of those whose device is behind registers (tests/unit/host/vmm/virtio/guest.h). */
	struct virtio_device *device;
	struct virtio_pci *pci;
	struct pci_function *function;
	bool sandboxed;
};

struct guest_buffer {
	uint64_t gpa;
	uint32_t length;
	bool writable;
};

/* Memory first: devices are made with it. */
static inline void guest_init(struct guest *guest)
{
	*guest = (struct guest){0};
	guest->ram = calloc(1, GUEST_RAM_BYTES);
	if (!guest->ram ||
	    guestmem_add(&guest->memory, GUEST_RAM_AT, guest->ram, GUEST_RAM_BYTES) < 0)
		abort();
}

static inline void guest_free_memory(struct guest *guest)
{
	free(guest->ram);
}

static inline void *guest_at(struct guest *guest, uint64_t gpa)
{
	return guest->ram + (gpa - GUEST_RAM_AT);
}

static inline void guest_set_descriptor(struct guest *guest, uint64_t table, uint16_t index,
					uint64_t gpa, uint32_t length, uint16_t flags,
					uint16_t next)
{
	uint8_t *descriptor = (uint8_t *)guest_at(guest, table) + 16 * (size_t)index;

	store_le64(descriptor, gpa);
	store_le32(descriptor + 8, length);
	store_le16(descriptor + 12, flags);
	store_le16(descriptor + 14, next);
}

static inline void guest_make_available(struct guest *guest, unsigned int index, uint16_t head)
{
	struct guest_queue *queue = &guest->queue[index];
	uint8_t *available = guest_at(guest, queue->available);

	store_le16(available + 4 + 2 * (size_t)(queue->next_available % queue->size), head);
	queue->next_available++;
	/* The device may have a thread of its own. */
	__atomic_store_n((uint16_t *)(void *)(available + 2), htole16(queue->next_available),
			 __ATOMIC_RELEASE);
}

/* Return: the head of the new chain. Descriptors are taken round and round. */
static inline uint16_t guest_add(struct guest *guest, unsigned int index,
				 const struct guest_buffer *buffers, unsigned int count)
{
	struct guest_queue *queue = &guest->queue[index];
	uint16_t head = queue->next_descriptor;

	for (unsigned int i = 0; i < count; i++) {
		uint16_t at = queue->next_descriptor;

		queue->next_descriptor = (uint16_t)((at + 1) % queue->size);
		guest_set_descriptor(guest, queue->descriptors, at, buffers[i].gpa,
				     buffers[i].length,
				     (uint16_t)((buffers[i].writable ? VRING_DESC_F_WRITE : 0) |
						(i + 1 < count ? VRING_DESC_F_NEXT : 0)),
				     queue->next_descriptor);
	}
	guest_make_available(guest, index, head);
	return head;
}

/* Return: whether a chain has come back. */
static inline bool guest_take_used(struct guest *guest, unsigned int index, uint32_t *id,
				   uint32_t *written)
{
	struct guest_queue *queue = &guest->queue[index];
	const uint8_t *used = guest_at(guest, queue->used), *entry;

	if (load_le16(used + 2) == queue->next_used)
		return false;
	entry = used + 4 + 8 * (size_t)(queue->next_used % queue->size);
	*id = load_le32(entry);
	*written = load_le32(entry + 4);
	queue->next_used++;
	return true;
}

/* Whether the first @size bytes of memory are zero: whether nobody has touched them. */
static inline bool guest_ram_is_zero(const struct guest *guest, size_t size)
{
	return guest->ram[0] == 0 && memcmp(guest->ram, guest->ram + 1, size - 1) == 0;
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/virtqueue/queue.h"

#include "protocol/base/bytes.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>

#define DESCRIPTOR_BYTES sizeof(struct vring_desc)

/* Offsets in the two rings (2.7.6, 2.7.8). A ring of N entries ends with the event index. */
#define AVAILABLE_FLAGS	      0
#define AVAILABLE_INDEX	      2
#define AVAILABLE_ENTRY(n)    (4 + 2 * (size_t)(n))
#define AVAILABLE_BYTES(size) (AVAILABLE_ENTRY(size) + 2)
#define USED_FLAGS	      0
#define USED_INDEX	      2
#define USED_ENTRY(n)	      (4 + 8 * (size_t)(n))
#define USED_BYTES(size)      (USED_ENTRY(size) + 2)

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t next;
};

/* All fields of the rings are naturally aligned, which virtqueue_start() has checked. */
static uint16_t ring_load(const uint8_t *ring, size_t offset)
{
	return le16toh(
		__atomic_load_n((const uint16_t *)(const void *)(ring + offset), __ATOMIC_RELAXED));
}

static void ring_store(uint8_t *ring, size_t offset, uint16_t value)
{
	__atomic_store_n((uint16_t *)(void *)(ring + offset), htole16(value), __ATOMIC_RELAXED);
}

static int violate(struct virtqueue *queue, const char *what)
{
	virtqueue_stop(queue);
	queue->violation = what;
	return -EPROTO;
}

int virtqueue_start(struct virtqueue *queue, const struct guestmem *memory,
		    const struct virtqueue_layout *layout, uint64_t features)
{
	uint16_t size = layout->size;

	assert(size > 0 && size <= VIRTQUEUE_MAX_SIZE && (size & (size - 1)) == 0);
	*queue = (struct virtqueue){
		.memory = memory,
		.size = size,
		.event_index = features >> VIRTIO_RING_F_EVENT_IDX & 1,
		.indirect = features >> VIRTIO_RING_F_INDIRECT_DESC & 1,
		.descriptors = guestmem_ptr(memory, layout->descriptors, size * DESCRIPTOR_BYTES),
		.available = guestmem_ptr(memory, layout->available, AVAILABLE_BYTES(size)),
		.used = guestmem_ptr(memory, layout->used, USED_BYTES(size)),
	};
	if (!queue->descriptors || !queue->available || !queue->used) {
		violate(queue, "a ring is outside memory");
		return -EFAULT;
	}
	if (layout->descriptors % 16 || layout->available % 2 || layout->used % 4) {
		violate(queue, "a ring is misaligned");
		return -EFAULT;
	}
	return 0;
}

void virtqueue_continue(struct virtqueue *queue, uint16_t next_available)
{
	queue->next_available = next_available;
	queue->next_used = ring_load(queue->used, USED_INDEX);
	queue->signalled = queue->next_used;
}

void virtqueue_stop(struct virtqueue *queue)
{
	queue->size = 0;
	queue->in_flight = 0;
	queue->descriptors = queue->available = queue->used = NULL;
}

/* The one copy of a descriptor. */
static struct descriptor load_descriptor(const uint8_t *table, uint16_t index)
{
	uint8_t copy[DESCRIPTOR_BYTES];

	memcpy(copy, table + index * DESCRIPTOR_BYTES, sizeof(copy));
	return (struct descriptor){
		.address = load_le64(copy + offsetof(struct vring_desc, addr)),
		.length = load_le32(copy + offsetof(struct vring_desc, len)),
		.flags = load_le16(copy + offsetof(struct vring_desc, flags)),
		.next = load_le16(copy + offsetof(struct vring_desc, next)),
	};
}

static int add_buffer(struct virtqueue *queue, struct virtqueue_chain *chain,
		      const struct descriptor *descriptor)
{
	bool writable = descriptor->flags & VRING_DESC_F_WRITE;
	unsigned int pieces = chain->readable + chain->writable;
	void *bytes = guestmem_ptr(queue->memory, descriptor->address, descriptor->length);

	if (pieces == queue->size)
		return violate(queue, "a chain is longer than its queue, or loops");
	if (descriptor->length == 0)
		return violate(queue, "a descriptor is empty");
	if (!bytes && !queue->spares_wild)
		return violate(queue, "a descriptor is outside memory");
	chain->wild |= !bytes;
	if (descriptor->length > UINT32_MAX - chain->readable_bytes - chain->writable_bytes)
		return violate(queue, "a chain has more than 4 GiB");
	if (!writable && chain->writable > 0)
		return violate(queue, "a readable descriptor follows a writable one");

	chain->gpa[pieces] = descriptor->address;
	chain->iov[pieces] = (struct iovec){.iov_base = bytes, .iov_len = descriptor->length};
	if (writable) {
		chain->writable++;
		chain->writable_bytes += descriptor->length;
	} else {
		chain->readable++;
		chain->readable_bytes += descriptor->length;
	}
	return 0;
}

/* Where an indirect descriptor leads. Return: its table; NULL if it is not allowed to. */
static const uint8_t *indirect_table(struct virtqueue *queue, const struct descriptor *descriptor)
{
	const uint8_t *table;

	if (!queue->indirect) {
		violate(queue, "an indirect descriptor was not negotiated");
		return NULL;
	}
	if (descriptor->flags & VRING_DESC_F_NEXT) {
		violate(queue, "an indirect descriptor has a successor");
		return NULL;
	}
	if (descriptor->length == 0 || descriptor->length % DESCRIPTOR_BYTES) {
		violate(queue, "an indirect table has an odd length");
		return NULL;
	}
	table = guestmem_ptr(queue->memory, descriptor->address, descriptor->length);
	if (!table)
		violate(queue, "an indirect table is outside memory");
	return table;
}

/*
 * Walk from @index on. The last descriptor of the queue's own table may lead to an indirect table,
 * once: an indirect table may lie anywhere, also where the queue's own table is. add_buffer()
 * bounds the walk: each other step adds a piece.
 */
static int walk(struct virtqueue *queue, struct virtqueue_chain *chain, uint16_t index)
{
	const uint8_t *table = queue->descriptors;
	uint32_t table_size = queue->size;
	struct descriptor descriptor;
	bool inner = false;

	do {
		if (index >= table_size)
			return violate(queue, "a descriptor index is outside its table");
		descriptor = load_descriptor(table, index);
		if (descriptor.flags & VRING_DESC_F_INDIRECT) {
			if (inner)
				return violate(queue, "an indirect descriptor is in a table");
			inner = true;
			table = indirect_table(queue, &descriptor);
			if (!table)
				return -EPROTO;
			table_size = descriptor.length / DESCRIPTOR_BYTES;
			descriptor.flags = VRING_DESC_F_NEXT;
			index = 0;
			continue;
		}
		if (add_buffer(queue, chain, &descriptor) < 0)
			return -EPROTO;
		index = descriptor.next;
	} while (descriptor.flags & VRING_DESC_F_NEXT);
	return 1;
}

int virtqueue_pop(struct virtqueue *queue, struct virtqueue_chain *chain)
{
	uint16_t waiting, head;

	if (queue->size == 0)
		return 0;
	waiting = (uint16_t)(ring_load(queue->available, AVAILABLE_INDEX) - queue->next_available);
	if (waiting == 0)
		return 0;
	if (waiting > queue->size)
		return violate(queue, "the available index jumps");
	if (queue->in_flight == queue->size)
		return violate(queue, "more chains are in flight than descriptors exist");
	/* Pairs with the driver's barrier between writing an entry and its index. */
	atomic_thread_fence(memory_order_acquire);
	head = ring_load(queue->available,
			 AVAILABLE_ENTRY(queue->next_available & (queue->size - 1)));

	chain->head = head;
	chain->wild = false;
	chain->readable = chain->writable = 0;
	chain->readable_bytes = chain->writable_bytes = 0;
	if (walk(queue, chain, head) < 0)
		return -EPROTO;
	queue->next_available++;
	queue->in_flight++;
	return 1;
}

uint16_t virtqueue_waiting(const struct virtqueue *queue)
{
	if (queue->size == 0)
		return 0;
	return (uint16_t)(ring_load(queue->available, AVAILABLE_INDEX) - queue->next_available);
}

void virtqueue_unpop(struct virtqueue *queue, uint16_t count)
{
	if (queue->size == 0)
		return;
	assert(count <= queue->in_flight);
	queue->next_available = (uint16_t)(queue->next_available - count);
	queue->in_flight = (uint16_t)(queue->in_flight - count);
}

void virtqueue_fill(struct virtqueue *queue, uint16_t nth, uint16_t head, uint32_t written)
{
	uint8_t *entry;

	if (queue->size == 0)
		return;
	entry = queue->used + USED_ENTRY((queue->next_used + nth) & (queue->size - 1));
	store_le32(entry, head);
	store_le32(entry + 4, written);
}

void virtqueue_publish(struct virtqueue *queue, uint16_t count)
{
	if (queue->size == 0)
		return;
	assert(count <= queue->in_flight);
	queue->next_used = (uint16_t)(queue->next_used + count);
	queue->in_flight = (uint16_t)(queue->in_flight - count);
	/* Pairs with the driver's barrier between reading the index and the entries. */
	atomic_thread_fence(memory_order_release);
	ring_store(queue->used, USED_INDEX, queue->next_used);
}

void virtqueue_push(struct virtqueue *queue, uint16_t head, uint32_t written)
{
	virtqueue_fill(queue, 0, head, written);
	virtqueue_publish(queue, 1);
}

bool virtqueue_should_notify(struct virtqueue *queue)
{
	uint16_t wanted, fresh;

	/* Nothing new since the last interrupt: it would be spurious. */
	if (queue->size == 0 || queue->signalled == queue->next_used)
		return false;
	/* Pairs with the driver's barrier between asking for interrupts and looking for used
	 * entries once more (2.7.7.2): one of the two sees what the other wrote. */
	atomic_thread_fence(memory_order_seq_cst);
	fresh = (uint16_t)(queue->next_used - queue->signalled);
	queue->signalled = queue->next_used;
	if (!queue->event_index)
		return !(ring_load(queue->available, AVAILABLE_FLAGS) & VRING_AVAIL_F_NO_INTERRUPT);

	/* The driver wants one when the index passes the value that follows its entries. */
	wanted = ring_load(queue->available, AVAILABLE_ENTRY(queue->size));
	return (uint16_t)(queue->next_used - wanted - 1) < fresh;
}

void virtqueue_disable_kicks(struct virtqueue *queue)
{
	/* With event indices, the driver is silent until avail_event moves. */
	if (queue->size > 0 && !queue->event_index)
		ring_store(queue->used, USED_FLAGS, VRING_USED_F_NO_NOTIFY);
}

/* Ask for a kick behind what is there now, not behind what was popped: for a device that needs more
 * than is there, only more is news. */
static uint16_t ask_for_kicks(struct virtqueue *queue)
{
	uint16_t index = ring_load(queue->available, AVAILABLE_INDEX);

	if (queue->event_index)
		ring_store(queue->used, USED_ENTRY(queue->size), index);
	else
		ring_store(queue->used, USED_FLAGS, 0);
	/* Pairs with the driver's barrier between adding a chain and deciding to kick: it sees what
	 * we ask for, or we see its chain. */
	atomic_thread_fence(memory_order_seq_cst);
	return index;
}

bool virtqueue_enable_kicks(struct virtqueue *queue)
{
	uint16_t index = 0;

	if (queue->size == 0)
		return false;
	/* A driver adds no more than the queue holds, so this ends before the bound does. */
	for (unsigned int i = 0; i <= queue->size; i++) {
		index = ask_for_kicks(queue);
		if (ring_load(queue->available, AVAILABLE_INDEX) == index)
			break;
	}
	return index != queue->next_available;
}

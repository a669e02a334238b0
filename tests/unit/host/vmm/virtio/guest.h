/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest - a guest without a CPU: memory, a driver that does what it is told, and a device behind
 * its registers
 *
 * Used by unit tests and fuzz targets, which is why it is a header: fuzz targets are one file each.
 * The device has no thread; guest_run() runs its loop until nothing is left to do.
 */
#ifndef LODGE_TESTS_VIRTIO_GUEST_H
#define LODGE_TESTS_VIRTIO_GUEST_H

#include "host/vmm/virtio/pci_transport.h"
#include "protocol/base/bytes.h"

#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define GUEST_RAM_AT	0x100000
#define GUEST_RAM_BYTES 0x100000
/* Each queue has its three rings in a piece of its own, from the beginning of memory. */
#define GUEST_QUEUE_BYTES 0x3000
#define GUEST_MAX_SIZE	  256 /* entries that have room there */
#define GUEST_BUFFERS_AT  (GUEST_RAM_AT + 0x80000)

struct guest_queue {
	uint16_t size;
	uint64_t descriptors, available, used; /* guest-physical */
	uint16_t next_descriptor, next_available, next_used;
};

struct guest {
	uint8_t *ram; /* from malloc(): sanitizers see one byte too far */
	struct guestmem memory;
	struct virtio_device *device;
	struct virtio_pci *pci;
	struct pci_function *function;
	struct msi_router router;
	bool sandboxed;
	struct guest_queue queue[VIRTIO_MAX_QUEUES];
};

struct guest_buffer {
	uint64_t gpa;
	uint32_t length;
	bool writable;
};

static inline int guest_route(struct msi_router *router, int fd, uint32_t *gsi, uint64_t address,
			      uint32_t data)
{
	(void)router;
	(void)fd;
	(void)address;
	(void)data;
	*gsi = 1;
	return 0;
}

static inline void guest_unroute(struct msi_router *router, int fd, uint32_t *gsi)
{
	(void)router;
	(void)fd;
	*gsi = 0;
}

/* Memory first: devices are made with it. */
static inline void guest_init(struct guest *guest)
{
	*guest = (struct guest){.router = {guest_route, guest_unroute}};
	guest->ram = calloc(1, GUEST_RAM_BYTES);
	if (!guest->ram ||
	    guestmem_add(&guest->memory, GUEST_RAM_AT, guest->ram, GUEST_RAM_BYTES) < 0)
		abort();
}

/* Put the device, which becomes the guest's, behind registers. */
static inline void guest_plug(struct guest *guest, struct virtio_device *device)
{
	guest->device = device;
	if (virtio_pci_new(device, NULL, &guest->router, &guest->sandboxed, &guest->pci) < 0)
		abort();
	guest->function = virtio_pci_function(guest->pci);
	if (device->ops->start && device->ops->start(device) < 0)
		abort();
}

static inline void guest_free(struct guest *guest)
{
	if (guest->function)
		guest->function->ops->free(guest->function);
	free(guest->ram);
}

/* --- Registers --- */

static inline uint64_t guest_read(struct guest *guest, uint64_t offset, unsigned int size)
{
	const struct pci_bar *bar = &guest->function->bar[0];

	return bar->ops->io.read(bar->owner, offset, size);
}

static inline void guest_write(struct guest *guest, uint64_t offset, unsigned int size,
			       uint64_t value)
{
	const struct pci_bar *bar = &guest->function->bar[0];

	bar->ops->io.write(bar->owner, offset, size, value);
}

static inline uint8_t guest_status(struct guest *guest)
{
	return (uint8_t)guest_read(guest, VIRTIO_PCI_COMMON_STATUS, 1);
}

static inline void guest_set_status(struct guest *guest, uint8_t status)
{
	guest_write(guest, VIRTIO_PCI_COMMON_STATUS, 1, status);
}

static inline bool guest_is_broken(struct guest *guest)
{
	return guest_status(guest) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

static inline uint64_t guest_offered_features(struct guest *guest)
{
	uint64_t features;

	guest_write(guest, VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
	features = guest_read(guest, VIRTIO_PCI_COMMON_DF, 4);
	guest_write(guest, VIRTIO_PCI_COMMON_DFSELECT, 4, 1);
	return features | guest_read(guest, VIRTIO_PCI_COMMON_DF, 4) << 32;
}

/* Return: whether the device accepts. */
static inline bool guest_negotiate(struct guest *guest, uint64_t features)
{
	guest_set_status(guest, 0);
	guest_set_status(guest, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	guest_set_status(guest, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	guest_write(guest, VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
	guest_write(guest, VIRTIO_PCI_COMMON_GF, 4, (uint32_t)features);
	guest_write(guest, VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
	guest_write(guest, VIRTIO_PCI_COMMON_GF, 4, features >> 32);
	guest_set_status(guest, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
					VIRTIO_CONFIG_S_FEATURES_OK);
	return guest_status(guest) & VIRTIO_CONFIG_S_FEATURES_OK;
}

static inline void guest_write_layout(struct guest *guest, const struct guest_queue *queue)
{
	guest_write(guest, VIRTIO_PCI_COMMON_Q_DESCLO, 4, (uint32_t)queue->descriptors);
	guest_write(guest, VIRTIO_PCI_COMMON_Q_DESCHI, 4, queue->descriptors >> 32);
	guest_write(guest, VIRTIO_PCI_COMMON_Q_AVAILLO, 4, (uint32_t)queue->available);
	guest_write(guest, VIRTIO_PCI_COMMON_Q_AVAILHI, 4, queue->available >> 32);
	guest_write(guest, VIRTIO_PCI_COMMON_Q_USEDLO, 4, (uint32_t)queue->used);
	guest_write(guest, VIRTIO_PCI_COMMON_Q_USEDHI, 4, queue->used >> 32);
}

static inline void guest_enable_queue(struct guest *guest, unsigned int index)
{
	struct guest_queue *queue = &guest->queue[index];
	uint64_t base = GUEST_RAM_AT + (uint64_t)index * GUEST_QUEUE_BYTES;
	uint16_t size;

	guest_write(guest, VIRTIO_PCI_COMMON_Q_SELECT, 2, index);
	size = (uint16_t)guest_read(guest, VIRTIO_PCI_COMMON_Q_SIZE, 2);
	size = MIN(size, GUEST_MAX_SIZE);
	guest_write(guest, VIRTIO_PCI_COMMON_Q_SIZE, 2, size);
	*queue = (struct guest_queue){
		.size = size,
		.descriptors = base,
		.available = base + 0x1000,
		.used = base + 0x2000,
	};
	memset(guest->ram + index * GUEST_QUEUE_BYTES, 0, GUEST_QUEUE_BYTES);
	guest_write_layout(guest, queue);
	guest_write(guest, VIRTIO_PCI_COMMON_Q_MSIX, 2, index + 1);
	guest_write(guest, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

static inline void guest_driver_ok(struct guest *guest)
{
	guest_set_status(guest, guest_status(guest) | VIRTIO_CONFIG_S_DRIVER_OK);
}

/* All of it, with all queues. @features: of the device; the transport's may be added. */
static inline bool guest_bring_up(struct guest *guest, uint64_t features)
{
	if (!guest_negotiate(guest, features | 1ULL << VIRTIO_F_VERSION_1))
		return false;
	for (unsigned int i = 0; i < guest->device->queues; i++)
		guest_enable_queue(guest, i);
	guest_driver_ok(guest);
	return !guest_is_broken(guest);
}

/* --- Memory and rings --- */

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

/* --- Time --- */

struct guest_rounds {
	struct loop *loop;
	int fd;
	unsigned int left;
};

static inline void guest_round(void *owner, uint32_t events)
{
	struct guest_rounds *rounds = owner;

	(void)events;
	if (--rounds->left == 0)
		loop_stop(rounds->loop);
}

/* Let the device's loop go round so often. */
static inline void guest_run_rounds(struct guest *guest, unsigned int count)
{
	struct guest_rounds rounds = {guest->device->loop, eventfd(1, EFD_CLOEXEC), count};
	struct loop_source *source;

	if (rounds.fd < 0 ||
	    loop_add_fd(rounds.loop, rounds.fd, EPOLLIN, guest_round, &rounds, &source) < 0)
		abort();
	loop_run(rounds.loop);
	loop_remove(source);
	close(rounds.fd);
}

static inline void guest_run(struct guest *guest)
{
	guest_run_rounds(guest, 8);
}

static inline void guest_kick(struct guest *guest, unsigned int index)
{
	guest_write(guest, VIRTIO_BAR_NOTIFY + index * VIRTIO_BAR_NOTIFY_MULTIPLIER, 2, index);
	guest_run(guest);
}

/* Run until a chain comes back, for as long as a slow disk may need. */
static inline bool guest_wait_used(struct guest *guest, unsigned int index, uint32_t *id,
				   uint32_t *written)
{
	for (int i = 0; i < 2000; i++) {
		if (guest_take_used(guest, index, id, written))
			return true;
		guest_run(guest);
		usleep(1000);
	}
	return false;
}

#endif

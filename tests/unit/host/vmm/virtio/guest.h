/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest - a guest without a CPU, and a device behind its registers
 *
 * Used by unit tests and fuzz targets, which is why it is a header: fuzz targets are one file each.
 * The device has no thread; guest_run() runs its loop until nothing is left to do.
 */
#ifndef LODGE_TESTS_VIRTIO_GUEST_H
#define LODGE_TESTS_VIRTIO_GUEST_H

#include "host/vmm/virtio/pci_transport.h"
#include "tests/unit/protocol/virtqueue/guest.h"

#include <linux/virtio_pci.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

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

/* Put the device, which becomes the guest's, behind registers. */
static inline void guest_plug(struct guest *guest, struct virtio_device *device)
{
	static struct msi_router router = {guest_route, guest_unroute};

	guest->device = device;
	if (virtio_pci_new(device, NULL, &router, &guest->sandboxed, &guest->pci) < 0)
		abort();
	guest->function = virtio_pci_function(guest->pci);
	if (device->ops->start && device->ops->start(device) < 0)
		abort();
}

static inline void guest_free(struct guest *guest)
{
	if (guest->function)
		guest->function->ops->free(guest->function);
	guest_free_memory(guest);
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio - a driver for virtio-pci modern devices and split rings (virtio 1.2, 2.7 and 4.1)
 *
 * Written to be bent: the hostile tests use the same structures and write nonsense into them. All
 * registers are reached through struct virtio's addresses, all ring memory is plain memory.
 */
#ifndef BARE_VIRTIO_H
#define BARE_VIRTIO_H

#include "pci.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#define VIRTIO_VENDOR	  0x1af4
#define VIRTIO_MAX_QUEUES 40
#define VIRTIO_MAX_SIZE	  64 /* what we ask for; less if the device has less */
#define VIRTIO_ANSWER_MS  3000
#define FEATURE(bit)	  (1ULL << (bit))

struct virtio {
	struct pci_function *pci;
	uint64_t common, notify, isr, config; /* addresses of the four structures */
	uint32_t config_size;
	uint32_t notify_multiplier;
	uint64_t features; /* negotiated */
	uint16_t queues;
};

struct virtqueue {
	struct virtio *device;
	uint16_t index, size;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint64_t notify; /* address */
	uint16_t next_avail, next_used;
	uint16_t free_head, free_count; /* free descriptors, linked by next */
	bool event_index;
};

struct buffer {
	void *address;
	uint32_t length;
	bool device_writes;
};

/* Finds the structures of @pci. False if it is no modern virtio device. */
bool virtio_open(struct virtio *device, struct pci_function *pci);
/* The @nth device of this type (VIRTIO_ID_*). */
bool virtio_find(struct virtio *device, uint16_t type, unsigned nth);

uint8_t virtio_status(const struct virtio *device);
void virtio_set_status(const struct virtio *device, uint8_t status);
/* Writes 0 and waits until it is read back. */
bool virtio_reset(const struct virtio *device);
/* BAR @bar of @pci answers at @address from now on: what is known of the device follows. */
void virtio_moved(struct pci_function *pci, unsigned bar, uint64_t address);
/* Resets every virtio device there is, and turns its MSI-X off. */
void virtio_stop_all(void);
uint64_t virtio_offered(const struct virtio *device);
void virtio_write_features(const struct virtio *device, uint64_t features);

/* Reset, ACKNOWLEDGE, DRIVER, features (VERSION_1 and those of @wanted that are offered),
 * FEATURES_OK. False if the device refuses. */
bool virtio_negotiate(struct virtio *device, uint64_t wanted);
void virtio_driver_ok(const struct virtio *device);
bool virtio_needs_reset(const struct virtio *device);

uint16_t virtio_queue_max(const struct virtio *device, uint16_t index);
/* Memory and free list of a queue of @size entries; the device hears nothing. */
void virtqueue_prepare(struct virtqueue *queue, struct virtio *device, uint16_t index,
		       uint16_t size);
/* Tells the device where the queue is, and enables it. */
void virtqueue_enable(const struct virtqueue *queue, uint16_t msix_vector);
/* Both, with the largest size up to VIRTIO_MAX_SIZE and no vector. False without such a queue. */
bool virtqueue_start(struct virtqueue *queue, struct virtio *device, uint16_t index);

/* Makes a chain available. Return: its head, or -1 when there are too few descriptors. */
int virtqueue_add(struct virtqueue *queue, const struct buffer *buffers, unsigned count);
/* The same through an indirect table, which has to live until the chain is used. */
int virtqueue_add_indirect(struct virtqueue *queue, struct vring_desc *table,
			   const struct buffer *buffers, unsigned count);
/* Puts @head into the available ring as it is. */
void virtqueue_publish(struct virtqueue *queue, uint16_t head);
/* Notifies, if the device wants it. */
void virtqueue_kick(struct virtqueue *queue);
/* Notifies in any case. */
void virtqueue_notify(const struct virtqueue *queue);
bool virtqueue_has_used(const struct virtqueue *queue);
/* Takes a used chain. Return: its head, its length in @length; -1 if there is none. */
int virtqueue_take(struct virtqueue *queue, uint32_t *length);
/* Kick, and wait for one chain. */
int virtqueue_exchange(struct virtqueue *queue, uint32_t *length);

#endif

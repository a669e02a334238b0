/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/pci_internal.h"

#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>

#define TRANSPORT_FEATURES                                                                         \
	(VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |        \
	 VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX))

static uint64_t offered_features(const struct virtio_pci *pci)
{
	return pci->device->offered_features |
	       (TRANSPORT_FEATURES & ~pci->device->withheld_features);
}

/* The driver wrote to a register that it must leave alone now. */
static void violate_task(void *argument)
{
	virtio_break(argument, "a register was written that is frozen");
}

static void violate(struct virtio_pci *pci)
{
	loop_call(pci->device->loop, violate_task, pci->device);
}

/* --- Reset and status --- */

void virtio_pci_reset_registers(struct virtio_pci *pci)
{
	pci->status = 0;
	pci->device_feature_select = pci->driver_feature_select = 0;
	pci->driver_features = 0;
	pci->queue_select = 0;
	atomic_store(&pci->config_vector, VIRTIO_MSI_NO_VECTOR);
	atomic_store(&pci->isr, 0);
	atomic_store(&pci->driver_ok, false);
	for (unsigned int i = 0; i < pci->device->queues; i++) {
		struct queue_registers *queue = &pci->queue[i];

		queue->layout = (struct virtqueue_layout){.size = pci->device->slot[i].max_size};
		queue->enabled = false;
		atomic_store(&queue->vector, VIRTIO_MSI_NO_VECTOR);
	}
}

void virtio_pci_reset_device(struct virtio_pci *pci)
{
	virtio_device_reset(pci->device);
	virtio_pci_reset_registers(pci);
}

static bool features_acceptable(const struct virtio_pci *pci)
{
	const struct virtio_device *device = pci->device;
	uint64_t features = pci->driver_features;

	if (features & ~offered_features(pci) || !(features & VIRTIO_FEATURE(VIRTIO_F_VERSION_1)))
		return false;
	return !device->ops->features_ok || device->ops->features_ok(device, features);
}

static void activate(struct virtio_pci *pci)
{
	struct virtqueue_layout layout[VIRTIO_MAX_QUEUES] = {0};

	for (unsigned int i = 0; i < pci->device->queues; i++) {
		if (pci->queue[i].enabled)
			layout[i] = pci->queue[i].layout;
	}
	atomic_store(&pci->driver_ok, true);
	virtio_device_activate(pci->device, pci->driver_features, layout);
}

/* 3.1: bits are set one after another, and only a reset clears them. */
static void write_status(struct virtio_pci *pci, uint8_t value)
{
	uint8_t fresh = value & (uint8_t)~pci->status;

	if (value == 0) {
		virtio_pci_reset_device(pci);
		return;
	}
	if (fresh & VIRTIO_CONFIG_S_FEATURES_OK && !features_acceptable(pci))
		fresh &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
	if (fresh & VIRTIO_CONFIG_S_DRIVER_OK &&
	    !((pci->status | fresh) & VIRTIO_CONFIG_S_FEATURES_OK)) {
		violate(pci);
		return;
	}
	pci->status |= fresh & (uint8_t)~VIRTIO_CONFIG_S_NEEDS_RESET;
	if (fresh & VIRTIO_CONFIG_S_DRIVER_OK)
		activate(pci);
}

static uint8_t read_status(const struct virtio_pci *pci)
{
	bool broken = atomic_load(&pci->device->broken);

	return pci->status | (broken ? VIRTIO_CONFIG_S_NEEDS_RESET : 0);
}

/* --- Common configuration (4.1.4.3) --- */

static uint32_t half(uint64_t value, uint32_t select)
{
	return select > 1 ? 0 : (uint32_t)(value >> (32 * select));
}

static uint64_t with_half(uint64_t value, uint32_t select, uint32_t fresh)
{
	uint64_t mask = (uint64_t)UINT32_MAX << (32 * select);

	return (value & ~mask) | (uint64_t)fresh << (32 * select);
}

/* Fields of the selected queue. One that is not there reads as zero. */
static uint32_t queue_read(const struct virtio_pci *pci, uint64_t offset)
{
	const struct queue_registers *queue;

	if (pci->queue_select >= pci->device->queues)
		return 0;
	queue = &pci->queue[pci->queue_select];
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return queue->layout.size;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		return atomic_load(&queue->vector);
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		return queue->enabled;
	case VIRTIO_PCI_COMMON_Q_NOFF:
		return pci->queue_select;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
		return half(queue->layout.descriptors, 0);
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		return half(queue->layout.descriptors, 1);
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
		return half(queue->layout.available, 0);
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		return half(queue->layout.available, 1);
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		return half(queue->layout.used, 0);
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return half(queue->layout.used, 1);
	default:
		return 0;
	}
}

/* What the device answers to a vector it cannot use is VIRTIO_MSI_NO_VECTOR. */
static uint16_t usable_vector(const struct virtio_pci *pci, uint32_t vector)
{
	return vector < msix_vectors(pci->msix) ? (uint16_t)vector : VIRTIO_MSI_NO_VECTOR;
}

static void write_queue_size(const struct virtio_pci *pci, struct queue_registers *queue,
			     uint32_t size)
{
	uint16_t max_size = pci->device->slot[pci->queue_select].max_size;

	if (size > 0 && size <= max_size && (size & (size - 1)) == 0)
		queue->layout.size = (uint16_t)size;
}

struct vector_change {
	struct virtio_device *device;
	unsigned int index;
};

static void vector_changed_task(void *argument)
{
	struct vector_change *change = argument;

	if (change->device->active)
		change->device->ops->vector_changed(change->device, change->index);
}

static void vector_changed(struct virtio_pci *pci)
{
	struct vector_change change = {pci->device, pci->queue_select};

	if (pci->status & VIRTIO_CONFIG_S_DRIVER_OK && pci->device->ops->vector_changed)
		loop_call(pci->device->loop, vector_changed_task, &change);
}

static void queue_write(struct virtio_pci *pci, uint64_t offset, uint32_t value)
{
	struct queue_registers *queue;
	struct virtqueue_layout *layout;

	if (pci->queue_select >= pci->device->queues || offset == VIRTIO_PCI_COMMON_Q_NOFF)
		return;
	queue = &pci->queue[pci->queue_select];
	layout = &queue->layout;
	if (offset == VIRTIO_PCI_COMMON_Q_MSIX) {
		atomic_store(&queue->vector, usable_vector(pci, value));
		vector_changed(pci);
		return;
	}
	if (queue->enabled || pci->status & VIRTIO_CONFIG_S_DRIVER_OK) {
		violate(pci);
		return;
	}
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		write_queue_size(pci, queue, value);
		break;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		queue->enabled = value == 1;
		break;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		layout->descriptors =
			with_half(layout->descriptors, offset == VIRTIO_PCI_COMMON_Q_DESCHI, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		layout->available =
			with_half(layout->available, offset == VIRTIO_PCI_COMMON_Q_AVAILHI, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		layout->used = with_half(layout->used, offset == VIRTIO_PCI_COMMON_Q_USEDHI, value);
		break;
	}
}

/* A driver uses the width of the field, at its offset (4.1.3.1). Zero: no field begins here. */
static unsigned int field_size(uint64_t offset)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_STATUS:
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return 1;
	case VIRTIO_PCI_COMMON_MSIX:
	case VIRTIO_PCI_COMMON_NUMQ:
	case VIRTIO_PCI_COMMON_Q_SELECT:
	case VIRTIO_PCI_COMMON_Q_SIZE:
	case VIRTIO_PCI_COMMON_Q_MSIX:
	case VIRTIO_PCI_COMMON_Q_ENABLE:
	case VIRTIO_PCI_COMMON_Q_NOFF:
		return 2;
	default:
		return offset % 4 == 0 && offset < sizeof(struct virtio_pci_common_cfg) ? 4 : 0;
	}
}

uint64_t virtio_pci_common_read(struct virtio_pci *pci, uint64_t offset, unsigned int size)
{
	if (size != field_size(offset))
		return UINT64_MAX;
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		return pci->device_feature_select;
	case VIRTIO_PCI_COMMON_DF:
		return half(offered_features(pci), pci->device_feature_select);
	case VIRTIO_PCI_COMMON_GFSELECT:
		return pci->driver_feature_select;
	case VIRTIO_PCI_COMMON_GF:
		return half(pci->driver_features, pci->driver_feature_select);
	case VIRTIO_PCI_COMMON_MSIX:
		return atomic_load(&pci->config_vector);
	case VIRTIO_PCI_COMMON_NUMQ:
		return pci->device->queues;
	case VIRTIO_PCI_COMMON_STATUS:
		return read_status(pci);
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return atomic_load(&pci->config_generation);
	case VIRTIO_PCI_COMMON_Q_SELECT:
		return pci->queue_select;
	default:
		return queue_read(pci, offset);
	}
}

static void write_driver_features(struct virtio_pci *pci, uint32_t value)
{
	if (pci->driver_feature_select > 1)
		return;
	if (pci->status & VIRTIO_CONFIG_S_FEATURES_OK)
		violate(pci);
	else
		pci->driver_features =
			with_half(pci->driver_features, pci->driver_feature_select, value);
}

void virtio_pci_common_write(struct virtio_pci *pci, uint64_t offset, unsigned int size,
			     uint32_t value)
{
	if (size != field_size(offset))
		return;
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		pci->device_feature_select = value;
		break;
	case VIRTIO_PCI_COMMON_GFSELECT:
		pci->driver_feature_select = value;
		break;
	case VIRTIO_PCI_COMMON_GF:
		write_driver_features(pci, value);
		break;
	case VIRTIO_PCI_COMMON_MSIX:
		atomic_store(&pci->config_vector, usable_vector(pci, value));
		break;
	case VIRTIO_PCI_COMMON_STATUS:
		write_status(pci, (uint8_t)value);
		break;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		pci->queue_select = (uint16_t)value;
		break;
	case VIRTIO_PCI_COMMON_DF:
	case VIRTIO_PCI_COMMON_NUMQ:
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		break;
	default:
		queue_write(pci, offset, value);
	}
}

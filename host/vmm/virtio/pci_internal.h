/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pci_internal - what the files of the PCI transport share
 *
 *	pci_transport.c	the function: its BAR, its capabilities, interrupts and doorbells
 *	pci_common.c	the registers of the common configuration, and what they do
 */
#ifndef LODGE_VMM_VIRTIO_PCI_INTERNAL_H
#define LODGE_VMM_VIRTIO_PCI_INTERNAL_H

#include "host/vmm/virtio/pci_transport.h"
#include "protocol/base/bytes.h"

#include <stdatomic.h>

struct queue_registers {
	struct virtqueue_layout layout;
	bool enabled;
	_Atomic uint16_t vector; /* read by the device's thread */
};

/* The registers are under the io_bus lock. */
struct virtio_pci {
	struct pci_function function;
	struct virtio_device *device;
	struct msix *msix;
	struct kvm *kvm;
	const bool *sandboxed;
	uint64_t mapped_at; /* BAR 0; 0: not mapped */

	uint8_t status; /* as the driver wrote it; NEEDS_RESET is device->broken */
	uint32_t device_feature_select, driver_feature_select;
	uint64_t driver_features;
	uint16_t queue_select;
	struct queue_registers queue[VIRTIO_MAX_QUEUES];

	_Atomic uint16_t config_vector;
	_Atomic uint8_t isr;
	_Atomic uint8_t config_generation;
	_Atomic bool driver_ok;

	uint8_t cfg_access; /* offset of the PCI configuration access capability */
};

/* As they are after a reset. */
void virtio_pci_reset_registers(struct virtio_pci *pci);
/* The device, and then its registers. */
void virtio_pci_reset_device(struct virtio_pci *pci);

/* Accesses of the driver. What is no field reads as ones, and is not written. */
uint64_t virtio_pci_common_read(struct virtio_pci *pci, uint64_t offset, unsigned int size);
void virtio_pci_common_write(struct virtio_pci *pci, uint64_t offset, unsigned int size,
			     uint32_t value);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio over PCI, modern only (virtio 1.2, 4.1)
 *
 * A virtio device becomes a PCI function with two BARs: BAR 0 has the common configuration, the
 * ISR, the device's configuration and one doorbell a queue, a page each; BAR 2 has the MSI-X table;
 * BAR 4, above RAM, is the memory that some devices share with their driver (4.1.4.7).
 * Vector and queue numbers are free for the driver to combine. There is no INTx and no legacy
 * interface.
 */
#ifndef LODGE_VMM_VIRTIO_PCI_TRANSPORT_H
#define LODGE_VMM_VIRTIO_PCI_TRANSPORT_H

#include "host/vmm/pci/function.h"
#include "host/vmm/pci/msix.h"
#include "host/vmm/virtio/device.h"

struct kvm;
struct virtio_pci;

/* What BAR 0 has where; the driver finds out by capabilities. */
#define VIRTIO_BAR_COMMON 0x0000
#define VIRTIO_BAR_ISR	  0x1000
#define VIRTIO_BAR_CONFIG 0x2000
#define VIRTIO_BAR_NOTIFY 0x3000
#define VIRTIO_BAR_BYTES  0x4000
/* Doorbell of queue N at VIRTIO_BAR_NOTIFY + N * this. */
#define VIRTIO_BAR_NOTIFY_MULTIPLIER 4

/**
 * virtio_pci_new() - put a device behind PCI registers
 * @device:	becomes the transport's, whatever the result
 * @kvm:	for ioeventfds; NULL where there is none
 * @router:	for MSI-X
 * @sandboxed:	whether device threads take their filter; read when the function starts
 * @transport:	set on success; freed by pci_function_ops.free of its function
 *
 * Return: 0 or negative errno.
 */
int virtio_pci_new(struct virtio_device *device, struct kvm *kvm, struct msi_router *router,
		   const bool *sandboxed, struct virtio_pci **transport);

/* The BAR of a device's memory (virtio_device.window_bytes). */
#define VIRTIO_BAR_WINDOW 4

/* The function to plug into the bus. */
struct pci_function *virtio_pci_function(struct virtio_pci *transport);

#endif

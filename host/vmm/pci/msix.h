/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * msix - message-signalled interrupts of one function (PCI 3.0, 6.8.2)
 *
 * Table and pending bits live in a BAR of their own, made here. Each vector has an eventfd which
 * KVM turns into the message that the guest wrote into the table (an irqfd). While a vector or the
 * whole function is masked, an interrupt sets its pending bit; unmasking delivers it.
 *
 * The eventfd of a vector can be handed to another process that interrupts the guest by itself
 * (msix_lend()). Then a mask takes it off KVM: what is signalled stays in the eventfd until it is
 * read as a pending bit, or until KVM finds it there when the vector is unmasked.
 *
 * msix_notify() may be called by any thread: the table has a lock of its own, and nothing is called
 * with it held but the router.
 */
#ifndef LODGE_VMM_PCI_MSIX_H
#define LODGE_VMM_PCI_MSIX_H

#include "host/vmm/pci/function.h"

#define MSIX_MAX_VECTORS 128

struct msix;

/* Who turns a signal on an eventfd into a message. KVM does (irq_router.h); a test can. */
struct msi_router {
	/**
	 * Connect @fd to the message, or change the message it is connected to.
	 * @gsi: in and out, the router's name for the connection; 0 before the first call.
	 */
	int (*route)(struct msi_router *router, int fd, uint32_t *gsi, uint64_t address,
		     uint32_t data);
	/* Disconnect; *@gsi becomes 0. */
	void (*unroute)(struct msi_router *router, int fd, uint32_t *gsi);
};

/**
 * msix_new() - add the MSI-X capability and its BAR to a function
 * @function:	not yet on a bus
 * @bar:	index of the BAR to make: 0, 2 or 4
 * @vectors:	1 to MSIX_MAX_VECTORS
 * @router:	stays the caller's
 * @msix:	set on success; freed by msix_free(), before the function goes
 *
 * Return: 0 or negative errno.
 */
int msix_new(struct pci_function *function, unsigned int bar, unsigned int vectors,
	     struct msi_router *router, struct msix **msix);
void msix_free(struct msix *msix);

/* Interrupt the guest. A vector that is not in the table (such as VIRTIO_MSI_NO_VECTOR) and an
 * MSI-X that is not enabled are ignored. Any thread. */
void msix_notify(struct msix *msix, unsigned int vector);

unsigned int msix_vectors(const struct msix *msix);

/**
 * msix_lend() - have somebody else signal a vector
 *
 * Return: the eventfd, which stays ours, for an interrupt each time it is written; -ENOENT if the
 * vector is not in the table. Any thread.
 */
int msix_lend(struct msix *msix, unsigned int vector);

/* Nobody else signals any vector from now on. Any thread. */
void msix_end_lending(struct msix *msix);

/* The eventfd of a vector: for tests, which read what KVM would. */
int msix_vector_fd(const struct msix *msix, unsigned int vector);

/* All masked, nothing pending, MSI-X disabled: pci_function_reset() does not know of it. Called by
 * a device in its `reset`. */
void msix_reset(struct msix *msix);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * irq_router - which eventfd raises which interrupt (KVM's irqfd and its routing table)
 *
 * KVM knows interrupts by number (GSI). Numbers below 24 are the pins of the I/O APIC; the others
 * are given out here, one for each MSI that a device connects. The table is handed to KVM whole at
 * each change, and KVM waits for all vCPUs then: so only real changes are.
 */
#ifndef LODGE_VMM_IRQ_ROUTER_H
#define LODGE_VMM_IRQ_ROUTER_H

#include "host/vmm/kvm.h"
#include "host/vmm/pci/msix.h"

/* Return: the router, freed by irq_router_free(); NULL without memory. @kvm stays the caller's. */
struct msi_router *irq_router_new(struct kvm *kvm);
void irq_router_free(struct msi_router *router);

#endif

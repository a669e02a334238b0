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

/**
 * irq_router_new() - take over the routing of interrupts
 * @kvm:	stays the caller's
 * @router:	set on success; freed by irq_router_free()
 *
 * The old PC's interrupt controller gets no inputs any more: a guest of ours does not know it, does
 * not mask it, and would be hit by what it latched before a restart.
 *
 * Return: 0 or negative errno.
 */
int irq_router_new(struct kvm *kvm, struct msi_router **router);
void irq_router_free(struct msi_router *router);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pci bus - the one bus, its configuration accesses, and where BARs are placed
 *
 * Bus 0 of segment 0 has up to 32 functions, one a slot; slot 0 is the host bridge. Configuration
 * space is reached by ECAM (1 MiB: one bus) and by the ports CF8h and CFCh, which early kernel code
 * uses. BARs get addresses from us before the guest starts, as firmware would do: registers in the
 * window of the host bridge below 4 GiB, what is prefetchable (memory of a device, which may be
 * large) in the one above RAM. A guest may move them within either.
 */
#ifndef LODGE_VMM_PCI_BUS_H
#define LODGE_VMM_PCI_BUS_H

#include "host/vmm/io_bus.h"
#include "host/vmm/pci/function.h"

#define PCI_SLOTS     32
#define PCI_ECAM_SIZE (1024 * 1024)

struct pci_window {
	uint64_t base;
	uint64_t size_bytes;
};

struct pci_bus {
	struct io_bus *pio;
	struct io_bus *mmio;
	struct pci_window window;	  /* where BARs may be */
	struct pci_window high_window;	  /* where prefetchable ones are; size 0: with the others */
	uint64_t next_bar, next_high_bar; /* first address of each that is not given away */
	struct pci_function *function[PCI_SLOTS];
	struct pci_function host_bridge;
	uint32_t config_address; /* port CF8h */
};

/**
 * pci_bus_init() - an empty bus with its host bridge
 * @pio, @mmio:	where it registers CF8h-CFFh and the ECAM; stay the caller's
 * @ecam:	guest-physical address of the ECAM
 * @window:	where BARs may lie
 *
 * Return: 0 or negative errno.
 */
int pci_bus_init(struct pci_bus *bus, struct io_bus *pio, struct io_bus *mmio, uint64_t ecam,
		 struct pci_window window);

/* Before functions are added: where prefetchable BARs may lie, above RAM. */
void pci_bus_set_high_window(struct pci_bus *bus, struct pci_window window);

/**
 * pci_bus_add() - plug a function into the next free slot
 *
 * Its BARs are placed and memory decoding and bus mastering are left off, as after reset: what the
 * guest sees is what power-on would give it, with addresses filled in. The function stays the
 * caller's until pci_bus_free_functions() calls its `free`.
 *
 * Return: 0; -ENOSPC without a slot or without room in the window.
 */
int pci_bus_add(struct pci_bus *bus, struct pci_function *function);

/* The five calls of pci_function_ops, for every function in slot order. */
int pci_bus_start(struct pci_bus *bus);
void pci_bus_pause(struct pci_bus *bus);
void pci_bus_resume(struct pci_bus *bus);
void pci_bus_reset(struct pci_bus *bus); /* the functions, then their configuration spaces */
void pci_bus_free_functions(struct pci_bus *bus);

#endif

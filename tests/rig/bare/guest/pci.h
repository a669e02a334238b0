/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pci - functions of bus 0 through ECAM, their BARs, and MSI-X
 */
#ifndef BARE_PCI_H
#define BARE_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_MAX_FUNCTIONS 32
#define PCI_MAX_BARS	  6

struct pci_bar {
	uint64_t address;
	uint64_t size_bytes; /* 0: not there, not memory, or the upper half of a 64-bit one */
	bool is_64bit;
};

struct pci_function {
	uint64_t config; /* where its ECAM page is */
	uint8_t slot;
	uint16_t vendor, device;
	struct pci_bar bar[PCI_MAX_BARS];
	uint8_t msix;	     /* capability's offset; 0: none */
	uint64_t msix_table; /* address */
	uint64_t msix_pba;   /* address */
	unsigned msix_count; /* vectors */
};

/* Finds all functions of bus 0 and turns memory decoding and bus mastering on. */
void pci_init(uint64_t ecam);
size_t pci_count(void);
struct pci_function *pci_get(size_t index);
/* The @nth function with this identity, or NULL. */
struct pci_function *pci_find(uint16_t vendor, uint16_t device, unsigned nth);

/* The first capability @id after @after (0: from the start); 0 if there is none. */
uint8_t pci_capability(const struct pci_function *function, uint8_t id, uint8_t after);

void pci_msix_enable(struct pci_function *function, bool enable);
/* Vector @entry goes to @cpu_vector of this CPU. */
void pci_msix_set(struct pci_function *function, unsigned entry, uint8_t cpu_vector);
void pci_msix_mask(struct pci_function *function, unsigned entry, bool masked);
bool pci_msix_pending(const struct pci_function *function, unsigned entry);

/* Moves a BAR; the old address is where pci_function.bar says. */
void pci_bar_write(struct pci_function *function, unsigned bar, uint64_t address);

#endif

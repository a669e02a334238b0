/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pci.h"

#include "interrupts.h"
#include "io.h"
#include "lib.h"
#include "page.h"
#include "test.h"

#include <linux/pci_regs.h>

#define SLOTS		 32
#define FUNCTION_STRIDE	 0x8000 /* of function 0 of each slot */
#define MAX_CAPABILITIES 48

static struct pci_function functions[PCI_MAX_FUNCTIONS];
static size_t count;

uint8_t pci_capability(const struct pci_function *function, uint8_t id, uint8_t after)
{
	uint8_t at = mmio_read8(function->config +
				(after ? after + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST));

	for (int i = 0; at != 0 && i < MAX_CAPABILITIES; i++) {
		if (mmio_read8(function->config + at) == id)
			return at;
		at = mmio_read8(function->config + at + PCI_CAP_LIST_NEXT);
	}
	return 0;
}

void pci_bar_write(struct pci_function *function, unsigned bar, uint64_t address)
{
	uint64_t at = function->config + PCI_BASE_ADDRESS_0 + 4 * bar;

	mmio_write32(at, (uint32_t)address);
	if (function->bar[bar].is_64bit)
		mmio_write32(at + 4, (uint32_t)(address >> 32));
}

/* Sizes are read as PCI has it: write ones, see which bits stay zero, write the address back. */
static void read_bars(struct pci_function *function)
{
	for (unsigned i = 0; i < PCI_MAX_BARS; i++) {
		uint64_t at = function->config + PCI_BASE_ADDRESS_0 + 4 * i;
		struct pci_bar *bar = &function->bar[i];
		uint32_t low = mmio_read32(at), mask;
		uint64_t size;

		mmio_write32(at, UINT32_MAX);
		mask = mmio_read32(at);
		mmio_write32(at, low);
		if (mask == 0 || (low & PCI_BASE_ADDRESS_SPACE_IO))
			continue;
		size = 0xffffffff00000000ULL | (mask & PCI_BASE_ADDRESS_MEM_MASK);
		bar->address = low & PCI_BASE_ADDRESS_MEM_MASK;
		bar->is_64bit =
			(low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
		if (bar->is_64bit) {
			uint32_t high = mmio_read32(at + 4);

			mmio_write32(at + 4, UINT32_MAX);
			size = (uint64_t)mmio_read32(at + 4) << 32 | (uint32_t)size;
			mmio_write32(at + 4, high);
			bar->address |= (uint64_t)high << 32;
			i++;
		}
		bar->size_bytes = -size;
		page_map(bar->address, bar->size_bytes);
	}
}

static void read_msix(struct pci_function *function)
{
	uint64_t at;
	uint32_t table, pba;

	function->msix = pci_capability(function, PCI_CAP_ID_MSIX, 0);
	if (function->msix == 0)
		return;
	at = function->config + function->msix;
	function->msix_count = (mmio_read16(at + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_QSIZE) + 1U;
	table = mmio_read32(at + PCI_MSIX_TABLE);
	pba = mmio_read32(at + PCI_MSIX_PBA);
	function->msix_table =
		function->bar[table & PCI_MSIX_TABLE_BIR].address + (table & PCI_MSIX_TABLE_OFFSET);
	function->msix_pba =
		function->bar[pba & PCI_MSIX_PBA_BIR].address + (pba & PCI_MSIX_PBA_OFFSET);
}

void pci_init(uint64_t ecam)
{
	page_map(ecam, SLOTS * FUNCTION_STRIDE);
	for (uint8_t slot = 0; slot < SLOTS; slot++) {
		uint64_t config = ecam + (uint64_t)slot * FUNCTION_STRIDE;
		struct pci_function *function = &functions[count];
		uint32_t identity = mmio_read32(config + PCI_VENDOR_ID);

		if (identity == UINT32_MAX || (identity & 0xffff) == 0)
			continue;
		*function = (struct pci_function){
			.config = config,
			.slot = slot,
			.vendor = (uint16_t)identity,
			.device = (uint16_t)(identity >> 16),
		};
		read_bars(function);
		read_msix(function);
		mmio_write16(config + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		count++;
	}
}

size_t pci_count(void)
{
	return count;
}

struct pci_function *pci_get(size_t index)
{
	return index < count ? &functions[index] : NULL;
}

struct pci_function *pci_find(uint16_t vendor, uint16_t device, unsigned nth)
{
	for (size_t i = 0; i < count; i++) {
		if (functions[i].vendor == vendor && functions[i].device == device && nth-- == 0)
			return &functions[i];
	}
	return NULL;
}

void pci_msix_enable(struct pci_function *function, bool enable)
{
	mmio_write16(function->config + function->msix + PCI_MSIX_FLAGS,
		     enable ? PCI_MSIX_FLAGS_ENABLE : 0);
}

void pci_msix_set(struct pci_function *function, unsigned entry, uint8_t cpu_vector)
{
	uint64_t at = function->msix_table + (uint64_t)entry * PCI_MSIX_ENTRY_SIZE;

	mmio_write32(at + PCI_MSIX_ENTRY_VECTOR_CTRL, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	mmio_write32(at + PCI_MSIX_ENTRY_LOWER_ADDR, (uint32_t)msi_address());
	mmio_write32(at + PCI_MSIX_ENTRY_UPPER_ADDR, 0);
	mmio_write32(at + PCI_MSIX_ENTRY_DATA, msi_data(cpu_vector));
	mmio_write32(at + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
}

void pci_msix_mask(struct pci_function *function, unsigned entry, bool masked)
{
	mmio_write32(function->msix_table + (uint64_t)entry * PCI_MSIX_ENTRY_SIZE +
			     PCI_MSIX_ENTRY_VECTOR_CTRL,
		     masked ? PCI_MSIX_ENTRY_CTRL_MASKBIT : 0);
}

bool pci_msix_pending(const struct pci_function *function, unsigned entry)
{
	return mmio_read32(function->msix_pba + entry / 32 * 4) >> entry % 32 & 1;
}

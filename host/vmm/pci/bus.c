/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/pci/bus.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <linux/pci_regs.h>

#define CONFIG_ADDRESS_PORT   0xcf8
#define CONFIG_PORTS	      8 /* address and data, four each */
#define CONFIG_ADDRESS_ENABLE 0x80000000U

/* A bridge of nobody's in particular: Red Hat's generic host bridge, known to all pci.ids. */
static const struct pci_identity host_bridge_identity = {
	.name = "host bridge",
	.vendor = 0x1b36,
	.device = 0x0008,
	.class_code = 0x060000,
};
static const struct pci_function_ops host_bridge_ops = {NULL};

static uint32_t config_read(struct pci_bus *bus, unsigned int slot, unsigned int offset,
			    unsigned int size)
{
	if (slot >= PCI_SLOTS || !bus->function[slot])
		return UINT32_MAX;
	return pci_function_config_read(bus->function[slot], offset, size);
}

static void config_write(struct pci_bus *bus, unsigned int slot, unsigned int offset,
			 unsigned int size, uint32_t value)
{
	if (slot < PCI_SLOTS && bus->function[slot])
		pci_function_config_write(bus->function[slot], offset, size, value);
}

/* --- ECAM: address bits 19:15 slot, 14:12 function, 11:0 offset --------------------------------
 */

/* A slot number for which there is no function, for function numbers above 0. */
static unsigned int ecam_slot(uint64_t offset)
{
	return (offset >> 12 & 7) == 0 ? offset >> 15 & 31 : PCI_SLOTS;
}

static uint64_t ecam_read(void *owner, uint64_t offset, unsigned int size)
{
	return size > 4 ? UINT64_MAX : config_read(owner, ecam_slot(offset), offset & 0xfff, size);
}

static void ecam_write(void *owner, uint64_t offset, unsigned int size, uint64_t value)
{
	if (size <= 4)
		config_write(owner, ecam_slot(offset), offset & 0xfff, size, (uint32_t)value);
}

static const struct io_ops ecam_ops = {ecam_read, ecam_write};

/* --- Ports CF8h (address) and CFCh (data) ------------------------------------------------------
 */

/* The slot that CF8h selects on bus 0, function 0. */
static unsigned int selected_slot(const struct pci_bus *bus)
{
	uint32_t address = bus->config_address;

	if (!(address & CONFIG_ADDRESS_ENABLE) || (address & 0x00ff0700))
		return PCI_SLOTS;
	return address >> 11 & 31;
}

static unsigned int selected_offset(const struct pci_bus *bus, uint64_t port)
{
	return (bus->config_address & 0xfc) + (port & 3);
}

static uint64_t ports_read(void *owner, uint64_t offset, unsigned int size)
{
	struct pci_bus *bus = owner;

	if (offset >= 4)
		return config_read(bus, selected_slot(bus), selected_offset(bus, offset), size);
	return offset == 0 && size == 4 ? bus->config_address : UINT64_MAX;
}

static void ports_write(void *owner, uint64_t offset, unsigned int size, uint64_t value)
{
	struct pci_bus *bus = owner;

	if (offset >= 4)
		config_write(bus, selected_slot(bus), selected_offset(bus, offset), size,
			     (uint32_t)value);
	else if (offset == 0 && size == 4)
		bus->config_address = (uint32_t)value;
}

static const struct io_ops ports_ops = {ports_read, ports_write};

/* --- The bus -----------------------------------------------------------------------------------
 */

int pci_bus_init(struct pci_bus *bus, struct io_bus *pio, struct io_bus *mmio, uint64_t ecam,
		 struct pci_window window)
{
	struct io_region ecam_region = {ecam, PCI_ECAM_SIZE, &ecam_ops, bus};
	struct io_region ports_region = {CONFIG_ADDRESS_PORT, CONFIG_PORTS, &ports_ops, bus};
	int error;

	*bus = (struct pci_bus){
		.pio = pio, .mmio = mmio, .window = window, .next_bar = window.base};
	pci_function_init(&bus->host_bridge, &host_bridge_identity, &host_bridge_ops);
	error = pci_bus_add(bus, &bus->host_bridge);
	if (!error)
		error = io_bus_add(mmio, &ecam_region);
	if (!error)
		error = io_bus_add(pio, &ports_region);
	return error;
}

void pci_bus_set_high_window(struct pci_bus *bus, struct pci_window window)
{
	bus->high_window = window;
	bus->next_high_bar = window.base;
}

/* A BAR's place in its window, aligned to its size; 0 if there is no room. */
static uint64_t place_bar(struct pci_bus *bus, const struct pci_bar *bar)
{
	const bool high = bar->prefetchable && bus->high_window.size_bytes > 0;
	const struct pci_window *window = high ? &bus->high_window : &bus->window;
	uint64_t *next = high ? &bus->next_high_bar : &bus->next_bar;
	uint64_t end = window->base + window->size_bytes;
	uint64_t at = (*next + bar->size_bytes - 1) & ~(bar->size_bytes - 1);

	if (at < *next || at > end || bar->size_bytes > end - at)
		return 0;
	*next = at + bar->size_bytes;
	return at;
}

int pci_bus_add(struct pci_bus *bus, struct pci_function *function)
{
	uint8_t slot = 0;

	while (slot < PCI_SLOTS && bus->function[slot])
		slot++;
	if (slot == PCI_SLOTS)
		return -ENOSPC;
	for (unsigned int i = 0; i < PCI_BARS; i += 2) {
		uint8_t *at = function->config + PCI_BASE_ADDRESS_0 + 4 * i;
		uint64_t address;

		if (!function->bar[i].size_bytes)
			continue;
		address = place_bar(bus, &function->bar[i]);
		if (!address)
			return -ENOSPC;
		store_le64(at, address | load_le64(at));
	}
	memcpy(function->initial, function->config, sizeof(function->initial));
	function->bus = bus;
	function->slot = slot;
	bus->function[slot] = function;
	return 0;
}

int pci_bus_start(struct pci_bus *bus)
{
	for (unsigned int i = 0; i < PCI_SLOTS && bus->function[i]; i++) {
		struct pci_function *function = bus->function[i];
		int error = function->ops->start ? function->ops->start(function) : 0;

		if (error)
			return error;
	}
	return 0;
}

void pci_bus_pause(struct pci_bus *bus)
{
	for (unsigned int i = 0; i < PCI_SLOTS && bus->function[i]; i++)
		if (bus->function[i]->ops->pause)
			bus->function[i]->ops->pause(bus->function[i]);
}

void pci_bus_resume(struct pci_bus *bus)
{
	for (unsigned int i = 0; i < PCI_SLOTS && bus->function[i]; i++)
		if (bus->function[i]->ops->resume)
			bus->function[i]->ops->resume(bus->function[i]);
}

void pci_bus_reset(struct pci_bus *bus)
{
	for (unsigned int i = 0; i < PCI_SLOTS && bus->function[i]; i++) {
		if (bus->function[i]->ops->reset)
			bus->function[i]->ops->reset(bus->function[i]);
		pci_function_reset(bus->function[i]);
	}
	bus->config_address = 0;
}

void pci_bus_free_functions(struct pci_bus *bus)
{
	for (unsigned int i = 0; i < PCI_SLOTS; i++) {
		struct pci_function *function = bus->function[i];

		bus->function[i] = NULL;
		if (function && function->ops->free)
			function->ops->free(function);
	}
}

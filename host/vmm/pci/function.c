/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/pci/function.h"

#include "host/vmm/pci/bus.h"
#include "protocol/base/bytes.h"

#include <assert.h>
#include <linux/pci_regs.h>

#define COMMAND_WRITABLE (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE)

void pci_function_init(struct pci_function *function, const struct pci_identity *identity,
		       const struct pci_function_ops *ops)
{
	uint8_t *config = function->config;

	*function = (struct pci_function){
		.ops = ops,
		.name = identity->name,
		.capabilities_end = PCI_STD_HEADER_SIZEOF,
	};
	store_le16(config + PCI_VENDOR_ID, identity->vendor);
	store_le16(config + PCI_DEVICE_ID, identity->device);
	store_le32(config + PCI_CLASS_REVISION, identity->class_code << 8 | identity->revision);
	store_le16(config + PCI_SUBSYSTEM_VENDOR_ID, identity->subsystem_vendor);
	store_le16(config + PCI_SUBSYSTEM_ID, identity->subsystem);
	store_le16(function->writable + PCI_COMMAND, COMMAND_WRITABLE);
	function->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	function->writable[PCI_INTERRUPT_LINE] = 0xff;
}

static uint8_t bar_register(unsigned int index)
{
	return (uint8_t)(PCI_BASE_ADDRESS_0 + 4 * index);
}

void pci_function_add_bar(struct pci_function *function, unsigned int index, uint64_t size_bytes,
			  bool prefetchable, const struct pci_bar_ops *ops, void *owner)
{
	struct pci_bar *bar = &function->bar[index];
	uint8_t at = bar_register(index);

	assert(index < PCI_BARS && index % 2 == 0 && bar->size_bytes == 0);
	assert(size_bytes >= 4096 && (size_bytes & (size_bytes - 1)) == 0);
	*bar = (struct pci_bar){
		.size_bytes = size_bytes, .prefetchable = prefetchable, .ops = ops, .owner = owner};
	store_le64(function->config + at,
		   PCI_BASE_ADDRESS_MEM_TYPE_64 |
			   (prefetchable ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0U));
	/* Address bits below the size are wired to zero: that is how a guest learns the size. */
	store_le64(function->writable + at, ~(size_bytes - 1));
}

uint8_t pci_function_add_capability(struct pci_function *function, uint8_t id, const void *body,
				    const void *writable, uint8_t body_size,
				    const struct pci_capability_ops *ops, void *owner)
{
	uint8_t at = function->capabilities_end;
	uint8_t *config = function->config;
	unsigned int end = at + 2U + body_size;

	assert(function->capabilities < PCI_MAX_CAPABILITIES && end <= PCI_CONFIG_SIZE - 4);
	config[at] = id;
	config[at + 1] = config[PCI_CAPABILITY_LIST];
	config[PCI_CAPABILITY_LIST] = at;
	config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	memcpy(config + at + 2, body, body_size);
	if (writable)
		memcpy(function->writable + at + 2, writable, body_size);
	function->capability[function->capabilities++] =
		(struct pci_capability){at, (uint8_t)(end - at), ops, owner};
	function->capabilities_end = (uint8_t)((end + 3) & ~3U);
	return at;
}

/* --- BARs follow the command register and the address registers --------------------------------
 */

static bool window_holds(const struct pci_window *window, uint64_t address, uint64_t size)
{
	return address >= window->base && address - window->base < window->size_bytes &&
	       size <= window->size_bytes - (address - window->base);
}

static void unmap_bar(struct pci_function *function, struct pci_bar *bar)
{
	if (!bar->mapped_at)
		return;
	if (bar->ops->unmapped)
		bar->ops->unmapped(bar->owner, bar->mapped_at);
	io_bus_remove(function->bus->mmio, bar->mapped_at);
	bar->mapped_at = 0;
}

/* Where a guest puts a BAR outside the window or over another, it answers nowhere, as on a machine
 * where the bridge does not forward it. */
static void map_bar(struct pci_function *function, struct pci_bar *bar, uint64_t address)
{
	struct io_region region = {address, bar->size_bytes, &bar->ops->io, bar->owner};

	if (!window_holds(&function->bus->window, address, bar->size_bytes) &&
	    !window_holds(&function->bus->high_window, address, bar->size_bytes))
		return;
	if (io_bus_add(function->bus->mmio, &region) < 0)
		return;
	bar->mapped_at = address;
	if (bar->ops->mapped)
		bar->ops->mapped(bar->owner, address);
}

uint64_t pci_function_bar_address(const struct pci_function *function, unsigned int index)
{
	return load_le64(function->config + bar_register(index)) &
	       ~(function->bar[index].size_bytes - 1);
}

static void update_bars(struct pci_function *function)
{
	bool decoding = load_le16(function->config + PCI_COMMAND) & PCI_COMMAND_MEMORY;

	for (unsigned int i = 0; i < PCI_BARS; i += 2) {
		struct pci_bar *bar = &function->bar[i];
		uint64_t address;

		if (!bar->size_bytes)
			continue;
		address = pci_function_bar_address(function, i);
		if (decoding && bar->mapped_at == address)
			continue;
		unmap_bar(function, bar);
		if (decoding)
			map_bar(function, bar, address);
	}
}

/* --- Accesses ----------------------------------------------------------------------------------
 */

static bool is_config_access(unsigned int offset, unsigned int size)
{
	return (size == 1 || size == 2 || size == 4) && offset < PCI_CONFIG_SIZE &&
	       size <= PCI_CONFIG_SIZE - offset;
}

static bool touches(const struct pci_capability *capability, unsigned int offset, unsigned int size)
{
	return offset + size > capability->offset &&
	       offset < (unsigned int)capability->offset + capability->size_bytes;
}

uint32_t pci_function_config_read(struct pci_function *function, unsigned int offset,
				  unsigned int size)
{
	uint32_t value = 0;

	if (!is_config_access(offset, size))
		return UINT32_MAX;
	for (unsigned int i = 0; i < function->capabilities; i++) {
		const struct pci_capability *capability = &function->capability[i];

		if (capability->ops && capability->ops->before_read &&
		    touches(capability, offset, size))
			capability->ops->before_read(capability->owner,
						     (int)offset - capability->offset, size);
	}
	for (unsigned int i = 0; i < size; i++)
		value |= (uint32_t)function->config[offset + i] << (8 * i);
	return value;
}

void pci_function_config_write(struct pci_function *function, unsigned int offset,
			       unsigned int size, uint32_t value)
{
	if (!is_config_access(offset, size))
		return;
	for (unsigned int i = 0; i < size; i++) {
		uint8_t mask = function->writable[offset + i];
		uint8_t *byte = &function->config[offset + i];

		*byte = (uint8_t)((*byte & ~mask) | (value >> (8 * i) & mask));
	}
	if (function->bus && offset < PCI_CARDBUS_CIS)
		update_bars(function);
	for (unsigned int i = 0; i < function->capabilities; i++) {
		const struct pci_capability *capability = &function->capability[i];

		if (capability->ops && capability->ops->after_write &&
		    touches(capability, offset, size))
			capability->ops->after_write(capability->owner,
						     (int)offset - capability->offset, size);
	}
}

void pci_function_reset(struct pci_function *function)
{
	memcpy(function->config, function->initial, sizeof(function->config));
	if (function->bus)
		update_bars(function);
}

bool pci_function_is_bus_master(const struct pci_function *function)
{
	return load_le16(function->config + PCI_COMMAND) & PCI_COMMAND_MASTER;
}

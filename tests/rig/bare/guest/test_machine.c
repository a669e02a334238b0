/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "acpi.h"
#include "io.h"
#include "lib.h"
#include "pci.h"
#include "suites.h"
#include "virtio.h"

#include <linux/pci_regs.h>

static void test_tables(void)
{
	const struct acpi *acpi = acpi_get();

	check(acpi->tables >= 3, "only %lu ACPI tables", acpi->tables);
	check(acpi->checksums_right, "a checksum of an ACPI table is wrong");
	check(acpi->ecam != 0, "no MCFG");
	check(acpi->cpus >= 1, "the MADT has no CPU");
	check(acpi->sleep_port != 0, "no register to power off with");
	check(acpi->reset_port != 0, "no register to reset with");
}

static void test_functions(void)
{
	for (size_t i = 0; i < pci_count(); i++) {
		struct pci_function *function = pci_get(i);
		struct virtio device;

		for (unsigned bar = 0; bar < PCI_MAX_BARS; bar++) {
			uint64_t size = function->bar[bar].size_bytes;

			check((size & (size - 1)) == 0 &&
				      (size == 0 || function->bar[bar].address % size == 0),
			      "slot %u: BAR %u at 0x%lx, size 0x%lx", function->slot, bar,
			      function->bar[bar].address, size);
		}
		if (function->vendor != VIRTIO_VENDOR)
			continue;
		if (!check(virtio_open(&device, function), "slot %u: no modern virtio device",
			   function->slot))
			continue;
		check(function->msix_count >= 2, "slot %u: %u MSI-X vectors", function->slot,
		      function->msix_count);
		check(virtio_offered(&device) & FEATURE(VIRTIO_F_VERSION_1),
		      "slot %u: VERSION_1 is not offered", function->slot);
		check(device.queues >= 1, "slot %u: no queues", function->slot);
	}
}

static void test_all_there(void)
{
	static const uint16_t types[] = {VIRTIO_ID_BLOCK,  VIRTIO_ID_CONSOLE, VIRTIO_ID_NET,
					 VIRTIO_ID_RNG,	   VIRTIO_ID_GPU,     VIRTIO_ID_INPUT,
					 VIRTIO_ID_BALLOON};
	struct virtio device;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		check(virtio_find(&device, types[i], 0), "no virtio device of type %u", types[i]);
}

/* The PCI configuration access capability reaches the BARs through configuration space. */
static void test_config_window(void)
{
	struct virtio device;
	uint8_t at = 0;

	require(virtio_find(&device, VIRTIO_ID_BLOCK, 0), "no disk");
	do {
		at = pci_capability(device.pci, PCI_CAP_ID_VNDR, at);
	} while (at != 0 &&
		 mmio_read8(device.pci->config + at + offsetof(struct virtio_pci_cap, cfg_type)) !=
			 VIRTIO_PCI_CAP_PCI_CFG);
	require(at != 0, "no VIRTIO_PCI_CAP_PCI_CFG");

	uint64_t capability = device.pci->config + at;
	uint8_t bar = 0;

	while (bar < PCI_MAX_BARS &&
	       device.common - device.pci->bar[bar].address >= device.pci->bar[bar].size_bytes)
		bar++;
	mmio_write8(capability + offsetof(struct virtio_pci_cap, bar), bar);
	mmio_write32(capability + offsetof(struct virtio_pci_cap, offset),
		     (uint32_t)(device.common - device.pci->bar[bar].address) +
			     VIRTIO_PCI_COMMON_NUMQ);
	mmio_write32(capability + offsetof(struct virtio_pci_cap, length), 2);
	check(mmio_read16(capability + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data)) ==
		      device.queues,
	      "num_queues differs from what the BAR says");
}

static const struct test tests[] = {
	{"tables", test_tables},
	{"functions", test_functions},
	{"all-there", test_all_there},
	{"config-window", test_config_window},
};

const struct suite suite_machine = {"machine", tests, ARRAY_SIZE(tests), NULL};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostile: configuration space of every device read at every offset and width, written at random,
 * BARs moved over RAM, over each other, over the machine's own windows, and back.
 */
#include "acpi.h"
#include "io.h"
#include "lib.h"
#include "page.h"
#include "suites.h"
#include "victim.h"

#include <linux/pci_regs.h>

#define CONFIG_BYTES 4096
#define ROUNDS	     400
#define DECODE	     (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

struct probe {
	const char *name;
	void (*run)(const struct victim *victim, struct pci_function *pci);
};

struct pair {
	const struct victim *victim;
	const struct probe *probe;
};

/* As pci_init() left it. */
static void restore(struct pci_function *pci)
{
	mmio_write16(pci->config + PCI_COMMAND, 0);
	for (unsigned i = 0; i < PCI_MAX_BARS; i++) {
		if (pci->bar[i].size_bytes > 0)
			pci_bar_write(pci, i, pci->bar[i].address);
	}
	if (pci->msix != 0)
		pci_msix_enable(pci, false);
	mmio_write16(pci->config + PCI_COMMAND, DECODE);
}

static void reads(const struct victim *victim, struct pci_function *pci)
{
	uint16_t identity = mmio_read16(pci->config + PCI_DEVICE_ID);

	(void)victim;
	for (uint64_t at = 0; at < CONFIG_BYTES; at++) {
		/* Behind the first 256 bytes nothing is: there a sample is enough. */
		if (at >= 0x140 && at % 64 != 61)
			continue;
		for (unsigned size = 1; size <= 8; size *= 2)
			mmio_read(pci->config + at, size);
	}
	check(mmio_read16(pci->config + PCI_DEVICE_ID) == identity, "its identity changed");
}

static void identity_is_fixed(const struct victim *victim, struct pci_function *pci)
{
	static const uint8_t fixed[] = {PCI_VENDOR_ID, PCI_CLASS_REVISION, PCI_SUBSYSTEM_VENDOR_ID,
					PCI_CAPABILITY_LIST};

	(void)victim;
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		uint32_t before = mmio_read32(pci->config + fixed[i]);

		mmio_write32(pci->config + fixed[i], ~before);
		check(mmio_read32(pci->config + fixed[i]) == before, "register 0x%x changed",
		      fixed[i]);
	}
}

static void writes(const struct victim *victim, struct pci_function *pci)
{
	(void)victim;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t at = random_below(random_below(2) ? 0x100 : CONFIG_BYTES);

		mmio_write(pci->config + at, 1U << random_below(4), random_next());
	}
}

static void decoding_off(const struct victim *victim, struct pci_function *pci)
{
	struct virtio device;

	require(victim_begin(victim, &device), "the device does not start");
	virtio_driver_ok(&device);
	mmio_write16(pci->config + PCI_COMMAND, 0);
	check(mmio_read32(device.common) == UINT32_MAX, "it answers without memory decoding");
	mmio_write32(device.notify, 0);
	mmio_write16(pci->config + PCI_COMMAND, DECODE);
	check(mmio_read16(device.common + VIRTIO_PCI_COMMON_NUMQ) == device.queues,
	      "it does not answer when decoding is on again");
}

/* RAM, the image itself, a CPU's APIC, the ECAM, its own and another's BAR, nowhere, the edges. */
static void moved(const struct victim *victim, struct pci_function *pci)
{
	struct virtio device;
	uint64_t *ram = allocate(MIB, MIB);
	uint64_t other = pci_get(pci_count() - 1)->bar[0].address;
	uint64_t places[] = {
		(uint64_t)ram,
		0x1000000,
		0,
		0xfee00000,
		0xfec00000,
		acpi_get()->ecam,
		other,
		0x00000000fffff000,
		0xfffffffffffff000,
		0x0000fffffffff000,
		memory_ram_end(),
	};

	require(victim_begin(victim, &device), "the device does not start");
	virtio_driver_ok(&device);
	for (unsigned bar = 0; bar < PCI_MAX_BARS; bar++) {
		for (size_t i = 0; pci->bar[bar].size_bytes > 0 && i < ARRAY_SIZE(places); i++) {
			*(volatile uint64_t *)ram = 0x1122334455667788;
			pci_bar_write(pci, bar, places[i]);
			mmio_read32(pci->bar[bar].address);
			mmio_write16(device.notify, victim->queue);
			check(*(volatile uint64_t *)ram == 0x1122334455667788,
			      "RAM is hidden by BAR %u", bar);
			pci_bar_write(pci, bar, pci->bar[bar].address);
		}
	}
	check(mmio_read16(device.common + VIRTIO_PCI_COMMON_NUMQ) == device.queues,
	      "it does not answer at its old place");
}

/* Somewhere else in the window and used there: notifications have to come along. */
static void moved_and_used(const struct victim *victim, struct pci_function *pci)
{
	struct pci_bar before[PCI_MAX_BARS];
	uint64_t to = 0;

	for (unsigned i = 0; i < PCI_MAX_BARS; i++)
		before[i] = pci->bar[i];
	for (size_t f = 0; f < pci_count(); f++) {
		for (unsigned i = 0; i < PCI_MAX_BARS; i++) {
			const struct pci_bar *bar = &pci_get(f)->bar[i];

			if (bar->size_bytes > 0 && bar->address + bar->size_bytes > to)
				to = bar->address + bar->size_bytes;
		}
	}
	to = (to + MIB - 1) & ~(MIB - 1);
	for (unsigned i = 0; i < PCI_MAX_BARS; i++) {
		if (!pci->bar[i].is_64bit)
			continue;
		page_map(to, pci->bar[i].size_bytes);
		pci_bar_write(pci, i, to);
		virtio_moved(pci, i, to);
		to += MIB;
	}
	check(victim->works(), "it does not work at another place in the window");
	for (unsigned i = 0; i < PCI_MAX_BARS; i++) {
		if (!before[i].is_64bit)
			continue;
		pci_bar_write(pci, i, before[i].address);
		virtio_moved(pci, i, before[i].address);
	}
}

/* The window capability with any BAR, offset and length. */
static void window_nonsense(const struct victim *victim, struct pci_function *pci)
{
	uint8_t at = 0;

	(void)victim;
	do {
		at = pci_capability(pci, PCI_CAP_ID_VNDR, at);
	} while (at != 0 && mmio_read8(pci->config + at + 3) != VIRTIO_PCI_CAP_PCI_CFG);
	require(at != 0, "no VIRTIO_PCI_CAP_PCI_CFG");
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t capability = pci->config + at;

		mmio_write8(capability + offsetof(struct virtio_pci_cap, bar),
			    (uint8_t)(random_below(4) ? random_below(6) : random_next()));
		mmio_write32(capability + offsetof(struct virtio_pci_cap, offset),
			     (uint32_t)(random_below(2) ? random_below(0x10000) : random_next()));
		mmio_write32(capability + offsetof(struct virtio_pci_cap, length),
			     (uint32_t)(random_below(2) ? 1ULL << random_below(4) : random_next()));
		mmio_read32(capability + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data));
		if (i % 4 == 0)
			mmio_write32(capability + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data),
				     (uint32_t)random_below(16));
	}
}

static const struct probe probes[] = {
	{"reads", reads},
	{"identity-is-fixed", identity_is_fixed},
	{"writes", writes},
	{"decoding-off", decoding_off},
	{"moved", moved},
	{"moved-and-used", moved_and_used},
	{"window-nonsense", window_nonsense},
};

static void run_probe(const void *argument)
{
	const struct pair *pair = argument;
	struct virtio device;

	require(virtio_find(&device, pair->victim->type, 0), "no device");
	pair->probe->run(pair->victim, device.pci);
	restore(device.pci);
	virtio_reset(&device);
	victim_end(pair->victim);
}

/* The rest of the bus: slots and functions without a device read as all ones. */
static void absent(const void *argument)
{
	uint64_t ecam = acpi_get()->ecam;
	unsigned found = 0;

	(void)argument;
	for (unsigned slot = 0; slot < 32; slot++) {
		for (unsigned function = 1; function < 8; function += 3) {
			uint64_t at = ecam + (slot << 15 | function << 12);

			mmio_write32(at + PCI_COMMAND, UINT32_MAX);
			mmio_write32(at + PCI_BASE_ADDRESS_0, UINT32_MAX);
		}
		found += mmio_read32(ecam + (slot << 15)) != UINT32_MAX;
	}
	check(found == pci_count(), "%u functions, there were %lu", found, pci_count());
	victim_end(&victims[0]);
}

static void run(void)
{
	test_run("config", "absent", absent, NULL);
	for (size_t v = 0; v < victims_count; v++) {
		for (size_t p = 0; victim_is_first(&victims[v]) && p < ARRAY_SIZE(probes); p++) {
			struct pair pair = {&victims[v], &probes[p]};
			char name[64];

			format_text(name, sizeof(name), "%s.%s", pair.victim->name,
				    pair.probe->name);
			test_run("config", name, run_probe, &pair);
		}
	}
}

const struct suite suite_config = {.name = "config", .run = run};

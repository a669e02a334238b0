/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostile: every register of every BAR, of every width and at every offset, read and written; and
 * nonsense in the MSI-X table. For every device.
 */
#include "interrupts.h"
#include "io.h"
#include "lib.h"
#include "suites.h"
#include "victim.h"

#include <linux/pci_regs.h>

#define DENSE_BYTES 0x48 /* of each page: every offset. The rest: at random. */
#define PAGE	    4096
#define SPARSE	    200
#define MSIX_ROUNDS 200

struct access {
	const char *name;
	void (*run)(const struct victim *victim, struct virtio *device);
};

struct pair {
	const struct victim *victim;
	const struct access *access;
};

static bool in_msix(const struct virtio *device, uint64_t address)
{
	const struct pci_function *pci = device->pci;

	return address + 8 > pci->msix_table &&
	       address < pci->msix_table + (uint64_t)pci->msix_count * PCI_MSIX_ENTRY_SIZE;
}

static void touch(const struct virtio *device, uint64_t address, unsigned size, bool write)
{
	/* The table has its own tests: a message at random may legally be an INIT for us. */
	if (write && !in_msix(device, address))
		mmio_write(address, size, random_next());
	else
		mmio_read(address, size);
}

static void touch_all(struct virtio *device, bool write)
{
	static const unsigned sizes[] = {1, 2, 4, 8};

	for (unsigned i = 0; i < PCI_MAX_BARS; i++) {
		const struct pci_bar *bar = &device->pci->bar[i];

		for (uint64_t at = 0; at < bar->size_bytes; at++) {
			if (at % PAGE >= DENSE_BYTES && at + 8 < bar->size_bytes) {
				at = at - at % PAGE + PAGE - 1;
				if (at + 9 >= bar->size_bytes)
					at = bar->size_bytes - 9;
				continue;
			}
			/* The last bytes too: a wide access there runs out of the BAR. */
			for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
				touch(device, bar->address + at, sizes[s], write);
		}
		for (unsigned n = 0; n < SPARSE && bar->size_bytes > 0; n++)
			touch(device, bar->address + random_below(bar->size_bytes),
			      sizes[random_below(ARRAY_SIZE(sizes))], write);
	}
}

static void reads(const struct victim *victim, struct virtio *device)
{
	(void)victim;
	touch_all(device, false);
}

static void writes(const struct victim *victim, struct virtio *device)
{
	(void)victim;
	touch_all(device, true);
}

static void writes_live(const struct victim *victim, struct virtio *device)
{
	require(victim_begin(victim, device), "the device does not start");
	virtio_driver_ok(device);
	touch_all(device, true);
}

/* A wide access must not be more than its parts: what is written comes back or stays as it was. */
static void widths(const struct victim *victim, struct virtio *device)
{
	uint64_t select = device->common + VIRTIO_PCI_COMMON_DFSELECT;

	(void)victim;
	mmio_write32(select, 1);
	mmio_write8(select, 0);
	mmio_write16(select + 2, 0xffff);
	mmio_write64(select, UINT64_MAX);
	mmio_write32(select, 0);
	check(mmio_read32(select) == 0, "device_feature_select reads 0x%x", mmio_read32(select));
	mmio_write32(select, 1);
	check(mmio_read32(select) == 1, "device_feature_select reads 0x%x", mmio_read32(select));
	check(mmio_read16(device->common + VIRTIO_PCI_COMMON_NUMQ) == device->queues,
	      "num_queues changed");
}

static void entry_write(const struct virtio *device, unsigned entry, unsigned field, uint32_t value)
{
	mmio_write32(device->pci->msix_table + (uint64_t)entry * PCI_MSIX_ENTRY_SIZE + field,
		     value);
}

/* Masked entries may hold anything. Live ones hold fixed interrupts for processors that exist or
 * not: other kinds of message (INIT, SMI, ...) would only harm ourselves. */
static void msix_nonsense(const struct victim *victim, struct virtio *device)
{
	unsigned count = device->pci->msix_count;

	require(victim_begin(victim, device), "the device does not start");
	virtio_driver_ok(device);
	pci_msix_enable(device->pci, true);
	for (unsigned i = 0; i < MSIX_ROUNDS; i++) {
		unsigned entry = (unsigned)random_below(count);

		entry_write(device, entry, PCI_MSIX_ENTRY_VECTOR_CTRL, 0xffffffff);
		entry_write(device, entry, PCI_MSIX_ENTRY_LOWER_ADDR, (uint32_t)random_next());
		entry_write(device, entry, PCI_MSIX_ENTRY_UPPER_ADDR, (uint32_t)random_next());
		entry_write(device, entry, PCI_MSIX_ENTRY_DATA, (uint32_t)random_next());
	}
	for (unsigned i = 0; i < MSIX_ROUNDS; i++) {
		unsigned entry = (unsigned)random_below(count);

		entry_write(device, entry, PCI_MSIX_ENTRY_LOWER_ADDR,
			    0xfee00000 | (uint32_t)random_below(256) << 12);
		entry_write(device, entry, PCI_MSIX_ENTRY_UPPER_ADDR,
			    random_below(2) ? 0 : (uint32_t)random_next());
		entry_write(device, entry, PCI_MSIX_ENTRY_DATA,
			    VECTOR_DEVICES + (uint32_t)random_below(64));
		entry_write(device, entry, PCI_MSIX_ENTRY_VECTOR_CTRL, (uint32_t)random_below(2));
		/* A change of status makes the device send its configuration interrupt. */
		if (i % 16 == 0) {
			mmio_write16(device->common + VIRTIO_PCI_COMMON_MSIX, (uint16_t)entry);
			mmio_write16(device->notify, 0xffff);
		}
	}
	/* The pending bits are not for us to write. */
	mmio_write64(device->pci->msix_pba, UINT64_MAX);
	for (unsigned i = 0; i < count; i++)
		entry_write(device, i, PCI_MSIX_ENTRY_VECTOR_CTRL, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	pci_msix_enable(device->pci, false);
	interrupts_drain();
}

static void msix_behind_table(const struct victim *victim, struct virtio *device)
{
	const struct pci_function *pci = device->pci;

	(void)victim;
	for (uint64_t at = (uint64_t)pci->msix_count * PCI_MSIX_ENTRY_SIZE; at < PAGE / 2;
	     at += 4) {
		mmio_write32(pci->msix_table + at, UINT32_MAX);
		mmio_read32(pci->msix_table + at);
	}
}

static const struct access accesses[] = {
	{"reads", reads},
	{"writes", writes},
	{"writes-live", writes_live},
	{"widths", widths},
	{"msix-nonsense", msix_nonsense},
	{"msix-behind-table", msix_behind_table},
};

static void run_access(const void *argument)
{
	const struct pair *pair = argument;
	struct virtio device;

	require(virtio_find(&device, pair->victim->type, 0), "no device");
	pair->access->run(pair->victim, &device);
	virtio_reset(&device);
	victim_end(pair->victim);
}

static void run(void)
{
	for (size_t v = 0; v < victims_count; v++) {
		for (size_t a = 0; victim_is_first(&victims[v]) && a < ARRAY_SIZE(accesses); a++) {
			struct pair pair = {&victims[v], &accesses[a]};
			char name[64];

			format_text(name, sizeof(name), "%s.%s", pair.victim->name,
				    pair.access->name);
			test_run("registers", name, run_access, &pair);
		}
	}
}

const struct suite suite_registers = {.name = "registers", .run = run};

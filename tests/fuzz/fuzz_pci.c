/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: vmm virtqueue sandbox forward arguments probe protocol base
/*
 * Any accesses of a guest to a PCI bus with a virtio device on it: configuration space by ECAM and
 * by ports, BARs wherever they were moved to, MSI-X, rings in memory. The device is the entropy
 * device, the smallest there is; it reads and writes guest memory, which the sanitizer watches.
 */
#include "host/vmm/pci/bus.h"
#include "host/vmm/virtio/rng.h"
#include "tests/unit/host/vmm/virtio/guest.h"

#define ECAM	   0xe0000000ULL
#define SLOT_BYTES 0x8000
#define WINDOW	   0x100000000ULL
#define WINDOW_END 0x200000000ULL

/* An access, as the input has it. */
struct access {
	uint8_t kind, size;
	uint16_t where;
	uint64_t value;
} __attribute__((packed));

enum kind {
	CONFIG_READ,
	CONFIG_WRITE,
	PORT_READ,
	PORT_WRITE,
	BAR_READ,
	BAR_WRITE,
	MEMORY_WRITE,
	ANYWHERE,
	KICK,
	KINDS,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void bar_access(struct guest *guest, struct io_bus *mmio, const struct access *access,
		       unsigned int size)
{
	const struct pci_bar *bar = &guest->function->bar[access->where & 1 ? 2 : 0];
	uint64_t at = bar->mapped_at + (access->where >> 1) % bar->size_bytes;

	if (bar->mapped_at == 0)
		return;
	if (access->kind % KINDS == BAR_READ)
		io_bus_read(mmio, at, size);
	else
		io_bus_write(mmio, at, size, access->value);
}

static void do_access(struct guest *guest, struct io_bus *pio, struct io_bus *mmio,
		      const struct access *access)
{
	unsigned int size = 1U << access->size % 4;
	uint64_t config = ECAM + SLOT_BYTES * (uint64_t)guest->function->slot + access->where;
	uint64_t port = 0xcf8 + access->where % 8;

	switch ((enum kind)(access->kind % KINDS)) {
	case CONFIG_READ:
		io_bus_read(mmio, config, size);
		break;
	case CONFIG_WRITE:
		io_bus_write(mmio, config, size, access->value);
		break;
	case PORT_READ:
		io_bus_read(pio, port, size);
		break;
	case PORT_WRITE:
		io_bus_write(pio, port, size, access->value);
		break;
	case BAR_READ:
	case BAR_WRITE:
		bar_access(guest, mmio, access, size);
		break;
	case MEMORY_WRITE:
		memcpy(guest->ram + access->where * 8 % GUEST_RAM_BYTES, &access->value,
		       sizeof(access->value));
		break;
	case ANYWHERE:
		io_bus_write(mmio, access->value, size, access->where);
		break;
	case KICK:
	case KINDS:
		virtio_kick(guest->device, 0);
		guest_run_rounds(guest, 2);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const struct pci_window window = {WINDOW, WINDOW_END - WINDOW};
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct virtio_device *device;
	struct io_bus pio, mmio;
	struct pci_bus bus;
	struct guest guest;

	guest_init(&guest);
	if (virtio_rng_new(&guest.memory, &device) < 0)
		abort();
	guest_plug(&guest, device);
	io_bus_init(&pio, &lock);
	io_bus_init(&mmio, &lock);
	if (pci_bus_init(&bus, &pio, &mmio, ECAM, window) < 0 ||
	    pci_bus_add(&bus, guest.function) < 0)
		abort();
	/* Memory decoding and bus mastering on, as any guest has them. */
	io_bus_write(&mmio, ECAM + SLOT_BYTES * (uint64_t)guest.function->slot + 4, 2, 6);
	/* Half of the inputs begin with a device that is up. */
	if (length > 0 && bytes[0] & 1)
		guest_bring_up(&guest, 0);
	for (size_t at = 1; at + sizeof(struct access) <= length; at += sizeof(struct access)) {
		struct access access;

		memcpy(&access, bytes + at, sizeof(access));
		do_access(&guest, &pio, &mmio, &access);
	}
	guest_run_rounds(&guest, 2);
	guest_free(&guest);
	return 0;
}

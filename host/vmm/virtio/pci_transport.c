/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/pci_internal.h"

#include "host/vmm/ioeventfd.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_pci.h>
#include <stdlib.h>

#define PCI_VENDOR_VIRTIO      0x1af4
#define PCI_DEVICE_VIRTIO_BASE 0x1040
#define PCI_CAP_VENDOR	       0x09
#define BAR_REGISTERS	       0
#define BAR_MSIX	       2

#define ISR_QUEUE  1
#define ISR_CONFIG 2

/* --- What the device asks of its bus --- */

static void notify_queue(void *bus, unsigned int index)
{
	struct virtio_pci *pci = bus;

	atomic_fetch_or(&pci->isr, ISR_QUEUE);
	msix_notify(pci->msix, atomic_load(&pci->queue[index].vector));
}

static void notify_config(void *bus)
{
	struct virtio_pci *pci = bus;

	atomic_fetch_add(&pci->config_generation, 1);
	if (!atomic_load(&pci->driver_ok))
		return;
	atomic_fetch_or(&pci->isr, ISR_CONFIG);
	msix_notify(pci->msix, atomic_load(&pci->config_vector));
}

static int lend_interrupt(void *bus, unsigned int index)
{
	struct virtio_pci *pci = bus;

	return msix_lend(pci->msix, atomic_load(&pci->queue[index].vector));
}

static void end_lending(void *bus)
{
	struct virtio_pci *pci = bus;

	msix_end_lending(pci->msix);
}

static const struct virtio_bus_ops bus_ops = {notify_queue, notify_config, lend_interrupt,
					      end_lending};

/* --- Device configuration, ISR, doorbells --- */

static bool in_config(const struct virtio_device *device, uint64_t offset, unsigned int size)
{
	return offset <= device->config_size && size <= device->config_size - offset;
}

static uint64_t config_read(struct virtio_pci *pci, uint64_t offset, unsigned int size)
{
	struct virtio_device *device = pci->device;
	uint8_t bytes[8] = {0};

	if (!in_config(device, offset, size))
		return UINT64_MAX;
	if (device->ops->config_read)
		device->ops->config_read(device, offset, bytes, size);
	else
		memcpy(bytes, (const char *)device->config + offset, size);
	return load_le64(bytes);
}

static void config_write(struct virtio_pci *pci, uint64_t offset, unsigned int size, uint64_t value)
{
	struct virtio_device *device = pci->device;
	uint8_t bytes[8];

	if (!in_config(device, offset, size) || !device->ops->config_write)
		return;
	store_le64(bytes, value);
	device->ops->config_write(device, offset, bytes, size);
}

/* Without an ioeventfd, a kick comes here. */
static void doorbell(struct virtio_pci *pci, uint64_t offset)
{
	uint64_t index = offset / VIRTIO_BAR_NOTIFY_MULTIPLIER;

	if (offset % VIRTIO_BAR_NOTIFY_MULTIPLIER == 0 && index < pci->device->queues)
		virtio_kick(pci->device, (unsigned int)index);
}

static uint64_t registers_read(void *owner, uint64_t offset, unsigned int size)
{
	struct virtio_pci *pci = owner;

	if (offset < VIRTIO_BAR_ISR)
		return virtio_pci_common_read(pci, offset, size);
	if (offset < VIRTIO_BAR_CONFIG)
		return offset == VIRTIO_BAR_ISR && size == 1 ? atomic_exchange(&pci->isr, 0)
							     : UINT64_MAX;
	if (offset < VIRTIO_BAR_NOTIFY)
		return config_read(pci, offset - VIRTIO_BAR_CONFIG, size);
	return UINT64_MAX;
}

static void registers_write(void *owner, uint64_t offset, unsigned int size, uint64_t value)
{
	struct virtio_pci *pci = owner;

	if (offset >= VIRTIO_BAR_NOTIFY)
		doorbell(pci, offset - VIRTIO_BAR_NOTIFY);
	else if (offset >= VIRTIO_BAR_CONFIG)
		config_write(pci, offset - VIRTIO_BAR_CONFIG, size, value);
	else if (offset < VIRTIO_BAR_ISR)
		virtio_pci_common_write(pci, offset, size, (uint32_t)value);
}

static uint64_t doorbell_address(const struct virtio_pci *pci, unsigned int index)
{
	return pci->mapped_at + VIRTIO_BAR_NOTIFY + index * VIRTIO_BAR_NOTIFY_MULTIPLIER;
}

/* Where KVM has no room for another ioeventfd, kicks reach doorbell(). */
static void registers_mapped(void *owner, uint64_t gpa)
{
	struct virtio_pci *pci = owner;

	pci->mapped_at = gpa;
	for (unsigned int i = 0; i < pci->device->queues; i++)
		ioeventfd_add(pci->kvm, doorbell_address(pci, i), pci->device->slot[i].kick_fd);
}

static void registers_unmapped(void *owner, uint64_t gpa)
{
	struct virtio_pci *pci = owner;

	(void)gpa;
	for (unsigned int i = 0; i < pci->device->queues; i++)
		ioeventfd_remove(pci->kvm, doorbell_address(pci, i), pci->device->slot[i].kick_fd);
	pci->mapped_at = 0;
}

static const struct pci_bar_ops registers_ops = {
	.io = {.read = registers_read, .write = registers_write},
	.mapped = registers_mapped,
	.unmapped = registers_unmapped,
};

/* --- The device's memory --- */

/* KVM does what it can without us; the rest is the same access, from here. */
static uint64_t window_read(void *owner, uint64_t offset, unsigned int size)
{
	const struct virtio_pci *pci = owner;
	uint64_t value = 0;

	memcpy(&value, (const uint8_t *)pci->device->window + offset, size);
	return le64toh(value);
}

static void window_write(void *owner, uint64_t offset, unsigned int size, uint64_t value)
{
	const struct virtio_pci *pci = owner;

	value = htole64(value);
	memcpy((uint8_t *)pci->device->window + offset, &value, size);
}

static void window_mapped(void *owner, uint64_t gpa)
{
	struct virtio_pci *pci = owner;

	pci->device->ops->window_mapped(pci->device, gpa);
}

static void window_unmapped(void *owner, uint64_t gpa)
{
	struct virtio_pci *pci = owner;

	(void)gpa;
	pci->device->ops->window_unmapped(pci->device);
}

static const struct pci_bar_ops window_ops = {
	.io = {.read = window_read, .write = window_write},
	.mapped = window_mapped,
	.unmapped = window_unmapped,
};

/* --- PCI configuration access capability (4.1.4.9): BAR 0 for those who cannot map it --- */

#define CFG_DATA offsetof(struct virtio_pci_cfg_cap, pci_cfg_data)

/* The one copy of what the driver wrote. False: not an access that BAR 0 can have. */
static bool cfg_access(const struct virtio_pci *pci, uint32_t *offset, uint32_t *length)
{
	const uint8_t *capability = pci->function.config + pci->cfg_access;

	*offset = load_le32(capability + VIRTIO_PCI_CAP_OFFSET);
	*length = load_le32(capability + VIRTIO_PCI_CAP_LENGTH);
	return capability[VIRTIO_PCI_CAP_BAR] == BAR_REGISTERS &&
	       (*length == 1 || *length == 2 || *length == 4) && *offset % *length == 0 &&
	       *offset < VIRTIO_BAR_BYTES;
}

static bool touches_data(int offset, unsigned int size)
{
	return offset < (int)sizeof(struct virtio_pci_cfg_cap) &&
	       offset + (int)size > (int)CFG_DATA;
}

static void cfg_before_read(void *owner, int at, unsigned int size)
{
	struct virtio_pci *pci = owner;
	uint32_t offset, length;

	if (touches_data(at, size) && cfg_access(pci, &offset, &length))
		store_le32(pci->function.config + pci->cfg_access + CFG_DATA,
			   (uint32_t)registers_read(pci, offset, length));
}

static void cfg_after_write(void *owner, int at, unsigned int size)
{
	struct virtio_pci *pci = owner;
	uint32_t offset, length, value;

	if (!touches_data(at, size) || !cfg_access(pci, &offset, &length))
		return;
	value = load_le32(pci->function.config + pci->cfg_access + CFG_DATA);
	if (length < 4)
		value &= (1U << (8 * length)) - 1;
	registers_write(pci, offset, length, value);
}

static const struct pci_capability_ops cfg_ops = {
	.before_read = cfg_before_read,
	.after_write = cfg_after_write,
};

/* --- The function --- */

static struct virtio_pci *of(struct pci_function *function)
{
	return CONTAINER_OF(function, struct virtio_pci, function);
}

static int function_start(struct pci_function *function)
{
	struct virtio_pci *pci = of(function);

	return virtio_device_start(pci->device, *pci->sandboxed);
}

static void function_pause(struct pci_function *function)
{
	virtio_device_pause(of(function)->device);
}

static void function_resume(struct pci_function *function)
{
	virtio_device_resume(of(function)->device);
}

static void function_reset(struct pci_function *function)
{
	virtio_pci_reset_device(of(function));
	msix_reset(of(function)->msix);
}

static void function_free(struct pci_function *function)
{
	struct virtio_pci *pci = of(function);

	virtio_device_free(pci->device);
	msix_free(pci->msix);
	free(pci);
}

static const struct pci_function_ops function_ops = {
	.start = function_start,
	.pause = function_pause,
	.resume = function_resume,
	.reset = function_reset,
	.free = function_free,
};

/* A capability without its first two bytes, which pci_function_add_capability() writes. */
static uint8_t add_capability(struct virtio_pci *pci, uint8_t type, uint32_t offset,
			      uint32_t length)
{
	bool is_cfg = type == VIRTIO_PCI_CAP_PCI_CFG, is_notify = type == VIRTIO_PCI_CAP_NOTIFY_CFG;
	uint8_t size = is_cfg	   ? sizeof(struct virtio_pci_cfg_cap)
		       : is_notify ? sizeof(struct virtio_pci_notify_cap)
				   : sizeof(struct virtio_pci_cap);
	uint8_t body[sizeof(struct virtio_pci_cfg_cap)] = {0};
	uint8_t writable[sizeof(body)] = {0};

	body[VIRTIO_PCI_CAP_LEN] = size;
	body[VIRTIO_PCI_CAP_CFG_TYPE] = type;
	body[VIRTIO_PCI_CAP_BAR] = BAR_REGISTERS;
	store_le32(body + VIRTIO_PCI_CAP_OFFSET, offset);
	store_le32(body + VIRTIO_PCI_CAP_LENGTH, length);
	if (is_notify)
		store_le32(body + VIRTIO_PCI_NOTIFY_CAP_MULT, VIRTIO_BAR_NOTIFY_MULTIPLIER);
	if (is_cfg) {
		writable[VIRTIO_PCI_CAP_BAR] = 0xff;
		memset(writable + VIRTIO_PCI_CAP_OFFSET, 0xff, 12);
	}
	return pci_function_add_capability(&pci->function, PCI_CAP_VENDOR, body + 2, writable + 2,
					   (uint8_t)(size - 2), is_cfg ? &cfg_ops : NULL, pci);
}

/* 4.1.4.7: where the window is, in a BAR of its own; lengths have 64 bits. */
static void add_window(struct virtio_pci *pci)
{
	uint64_t length = pci->device->window_bytes;
	uint8_t body[sizeof(struct virtio_pci_cap64)] = {0};

	pci_function_add_bar(&pci->function, VIRTIO_BAR_WINDOW, length, true, &window_ops, pci);
	body[VIRTIO_PCI_CAP_LEN] = sizeof(body);
	body[VIRTIO_PCI_CAP_CFG_TYPE] = VIRTIO_PCI_CAP_SHARED_MEMORY_CFG;
	body[VIRTIO_PCI_CAP_BAR] = VIRTIO_BAR_WINDOW;
	store_le32(body + VIRTIO_PCI_CAP_LENGTH, (uint32_t)length);
	store_le32(body + offsetof(struct virtio_pci_cap64, length_hi), (uint32_t)(length >> 32));
	pci_function_add_capability(&pci->function, PCI_CAP_VENDOR, body + 2, NULL,
				    sizeof(body) - 2, NULL, NULL);
}

static void add_capabilities(struct virtio_pci *pci)
{
	const struct virtio_device *device = pci->device;

	add_capability(pci, VIRTIO_PCI_CAP_COMMON_CFG, VIRTIO_BAR_COMMON,
		       sizeof(struct virtio_pci_common_cfg));
	add_capability(pci, VIRTIO_PCI_CAP_ISR_CFG, VIRTIO_BAR_ISR, 1);
	if (device->config_size > 0)
		add_capability(pci, VIRTIO_PCI_CAP_DEVICE_CFG, VIRTIO_BAR_CONFIG,
			       (uint32_t)device->config_size);
	add_capability(pci, VIRTIO_PCI_CAP_NOTIFY_CFG, VIRTIO_BAR_NOTIFY,
		       device->queues * VIRTIO_BAR_NOTIFY_MULTIPLIER);
	pci->cfg_access = add_capability(pci, VIRTIO_PCI_CAP_PCI_CFG, 0, 0);
	if (device->window)
		add_window(pci);
}

int virtio_pci_new(struct virtio_device *device, struct kvm *kvm, struct msi_router *router,
		   const bool *sandboxed, struct virtio_pci **transport)
{
	const struct virtio_device_ops *ops = device->ops;
	struct pci_identity identity = {
		.name = device->name,
		.vendor = PCI_VENDOR_VIRTIO,
		.device = (uint16_t)(PCI_DEVICE_VIRTIO_BASE + ops->id),
		.subsystem_vendor = PCI_VENDOR_VIRTIO,
		.subsystem = (uint16_t)(PCI_DEVICE_VIRTIO_BASE + ops->id),
		.class_code = ops->class_code,
		.revision = 1,
	};
	struct virtio_pci *pci = calloc(1, sizeof(*pci));
	int result = -ENOMEM;

	assert(device->config_size <= VIRTIO_BAR_NOTIFY - VIRTIO_BAR_CONFIG);
	if (!pci)
		goto failed;
	pci->device = device;
	pci->kvm = kvm;
	pci->sandboxed = sandboxed;
	device->bus_ops = &bus_ops;
	device->bus = pci;
	pci_function_init(&pci->function, &identity, &function_ops);
	pci_function_add_bar(&pci->function, BAR_REGISTERS, VIRTIO_BAR_BYTES, false, &registers_ops,
			     pci);
	/* One vector a queue and one for the configuration. */
	result = msix_new(&pci->function, BAR_MSIX, device->queues + 1, router, &pci->msix);
	if (result < 0)
		goto failed;
	add_capabilities(pci);
	virtio_pci_reset_registers(pci);
	*transport = pci;
	return 0;

failed:
	free(pci);
	virtio_device_free(device);
	return result;
}

struct pci_function *virtio_pci_function(struct virtio_pci *transport)
{
	return &transport->function;
}

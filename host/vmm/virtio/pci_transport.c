/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/pci_transport.h"

#include "host/vmm/ioeventfd.h"
#include "protocol/base/bytes.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>

#define PCI_VENDOR_VIRTIO      0x1af4
#define PCI_DEVICE_VIRTIO_BASE 0x1040
#define PCI_CAP_VENDOR	       0x09
#define BAR_REGISTERS	       0
#define BAR_MSIX	       2

#define ISR_QUEUE  1
#define ISR_CONFIG 2

#define TRANSPORT_FEATURES                                                                         \
	(VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |        \
	 VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX))

struct queue_registers {
	struct virtqueue_layout layout;
	bool enabled;
	_Atomic uint16_t vector; /* read by the device's thread */
};

/* The registers are under the io_bus lock. */
struct virtio_pci {
	struct pci_function function;
	struct virtio_device *device;
	struct msix *msix;
	struct kvm *kvm;
	const bool *sandboxed;
	uint64_t mapped_at; /* BAR 0; 0: not mapped */

	uint8_t status; /* as the driver wrote it; NEEDS_RESET is device->broken */
	uint32_t device_feature_select, driver_feature_select;
	uint64_t driver_features;
	uint16_t queue_select;
	struct queue_registers queue[VIRTIO_MAX_QUEUES];

	_Atomic uint16_t config_vector;
	_Atomic uint8_t isr;
	_Atomic uint8_t config_generation;
	_Atomic bool driver_ok;

	uint8_t cfg_access; /* offset of the PCI configuration access capability */
};

static uint64_t offered_features(const struct virtio_pci *pci)
{
	return pci->device->offered_features | TRANSPORT_FEATURES;
}

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

static const struct virtio_bus_ops bus_ops = {notify_queue, notify_config};

/* The driver wrote to a register that it must leave alone now. */
static void violate_task(void *argument)
{
	virtio_break(argument, "a register was written that is frozen");
}

static void violate(struct virtio_pci *pci)
{
	loop_call(pci->device->loop, violate_task, pci->device);
}

/* --- Reset and status --- */

static void reset_registers(struct virtio_pci *pci)
{
	pci->status = 0;
	pci->device_feature_select = pci->driver_feature_select = 0;
	pci->driver_features = 0;
	pci->queue_select = 0;
	atomic_store(&pci->config_vector, VIRTIO_MSI_NO_VECTOR);
	atomic_store(&pci->isr, 0);
	atomic_store(&pci->driver_ok, false);
	for (unsigned int i = 0; i < pci->device->queues; i++) {
		struct queue_registers *queue = &pci->queue[i];

		queue->layout = (struct virtqueue_layout){.size = pci->device->slot[i].max_size};
		queue->enabled = false;
		atomic_store(&queue->vector, VIRTIO_MSI_NO_VECTOR);
	}
}

static void reset_device(struct virtio_pci *pci)
{
	virtio_device_reset(pci->device);
	reset_registers(pci);
}

static bool features_acceptable(const struct virtio_pci *pci)
{
	const struct virtio_device *device = pci->device;
	uint64_t features = pci->driver_features;

	if (features & ~offered_features(pci) || !(features & VIRTIO_FEATURE(VIRTIO_F_VERSION_1)))
		return false;
	return !device->ops->features_ok || device->ops->features_ok(device, features);
}

static void activate(struct virtio_pci *pci)
{
	struct virtqueue_layout layout[VIRTIO_MAX_QUEUES] = {0};

	for (unsigned int i = 0; i < pci->device->queues; i++) {
		if (pci->queue[i].enabled)
			layout[i] = pci->queue[i].layout;
	}
	atomic_store(&pci->driver_ok, true);
	virtio_device_activate(pci->device, pci->driver_features, layout);
}

/* 3.1: bits are set one after another, and only a reset clears them. */
static void write_status(struct virtio_pci *pci, uint8_t value)
{
	uint8_t fresh = value & (uint8_t)~pci->status;

	if (value == 0) {
		reset_device(pci);
		return;
	}
	if (fresh & VIRTIO_CONFIG_S_FEATURES_OK && !features_acceptable(pci))
		fresh &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
	if (fresh & VIRTIO_CONFIG_S_DRIVER_OK &&
	    !((pci->status | fresh) & VIRTIO_CONFIG_S_FEATURES_OK)) {
		violate(pci);
		return;
	}
	pci->status |= fresh & (uint8_t)~VIRTIO_CONFIG_S_NEEDS_RESET;
	if (fresh & VIRTIO_CONFIG_S_DRIVER_OK)
		activate(pci);
}

static uint8_t read_status(const struct virtio_pci *pci)
{
	bool broken = atomic_load(&pci->device->broken);

	return pci->status | (broken ? VIRTIO_CONFIG_S_NEEDS_RESET : 0);
}

/* --- Common configuration (4.1.4.3) --- */

static uint32_t half(uint64_t value, uint32_t select)
{
	return select > 1 ? 0 : (uint32_t)(value >> (32 * select));
}

static uint64_t with_half(uint64_t value, uint32_t select, uint32_t fresh)
{
	uint64_t mask = (uint64_t)UINT32_MAX << (32 * select);

	return (value & ~mask) | (uint64_t)fresh << (32 * select);
}

/* Fields of the selected queue. One that is not there reads as zero. */
static uint32_t queue_read(const struct virtio_pci *pci, uint64_t offset)
{
	const struct queue_registers *queue;

	if (pci->queue_select >= pci->device->queues)
		return 0;
	queue = &pci->queue[pci->queue_select];
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return queue->layout.size;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		return atomic_load(&queue->vector);
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		return queue->enabled;
	case VIRTIO_PCI_COMMON_Q_NOFF:
		return pci->queue_select;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
		return half(queue->layout.descriptors, 0);
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		return half(queue->layout.descriptors, 1);
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
		return half(queue->layout.available, 0);
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		return half(queue->layout.available, 1);
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		return half(queue->layout.used, 0);
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return half(queue->layout.used, 1);
	default:
		return 0;
	}
}

/* What the device answers to a vector it cannot use is VIRTIO_MSI_NO_VECTOR. */
static uint16_t usable_vector(const struct virtio_pci *pci, uint32_t vector)
{
	return vector < msix_vectors(pci->msix) ? (uint16_t)vector : VIRTIO_MSI_NO_VECTOR;
}

static void write_queue_size(const struct virtio_pci *pci, struct queue_registers *queue,
			     uint32_t size)
{
	uint16_t max_size = pci->device->slot[pci->queue_select].max_size;

	if (size > 0 && size <= max_size && (size & (size - 1)) == 0)
		queue->layout.size = (uint16_t)size;
}

static void queue_write(struct virtio_pci *pci, uint64_t offset, uint32_t value)
{
	struct queue_registers *queue;
	struct virtqueue_layout *layout;

	if (pci->queue_select >= pci->device->queues || offset == VIRTIO_PCI_COMMON_Q_NOFF)
		return;
	queue = &pci->queue[pci->queue_select];
	layout = &queue->layout;
	if (offset == VIRTIO_PCI_COMMON_Q_MSIX) {
		atomic_store(&queue->vector, usable_vector(pci, value));
		return;
	}
	if (queue->enabled || pci->status & VIRTIO_CONFIG_S_DRIVER_OK) {
		violate(pci);
		return;
	}
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		write_queue_size(pci, queue, value);
		break;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		queue->enabled = value == 1;
		break;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		layout->descriptors =
			with_half(layout->descriptors, offset == VIRTIO_PCI_COMMON_Q_DESCHI, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		layout->available =
			with_half(layout->available, offset == VIRTIO_PCI_COMMON_Q_AVAILHI, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		layout->used = with_half(layout->used, offset == VIRTIO_PCI_COMMON_Q_USEDHI, value);
		break;
	}
}

/* A driver uses the width of the field, at its offset (4.1.3.1). Zero: no field begins here. */
static unsigned int field_size(uint64_t offset)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_STATUS:
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return 1;
	case VIRTIO_PCI_COMMON_MSIX:
	case VIRTIO_PCI_COMMON_NUMQ:
	case VIRTIO_PCI_COMMON_Q_SELECT:
	case VIRTIO_PCI_COMMON_Q_SIZE:
	case VIRTIO_PCI_COMMON_Q_MSIX:
	case VIRTIO_PCI_COMMON_Q_ENABLE:
	case VIRTIO_PCI_COMMON_Q_NOFF:
		return 2;
	default:
		return offset % 4 == 0 && offset < sizeof(struct virtio_pci_common_cfg) ? 4 : 0;
	}
}

static uint64_t common_read(struct virtio_pci *pci, uint64_t offset, unsigned int size)
{
	if (size != field_size(offset))
		return UINT64_MAX;
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		return pci->device_feature_select;
	case VIRTIO_PCI_COMMON_DF:
		return half(offered_features(pci), pci->device_feature_select);
	case VIRTIO_PCI_COMMON_GFSELECT:
		return pci->driver_feature_select;
	case VIRTIO_PCI_COMMON_GF:
		return half(pci->driver_features, pci->driver_feature_select);
	case VIRTIO_PCI_COMMON_MSIX:
		return atomic_load(&pci->config_vector);
	case VIRTIO_PCI_COMMON_NUMQ:
		return pci->device->queues;
	case VIRTIO_PCI_COMMON_STATUS:
		return read_status(pci);
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return atomic_load(&pci->config_generation);
	case VIRTIO_PCI_COMMON_Q_SELECT:
		return pci->queue_select;
	default:
		return queue_read(pci, offset);
	}
}

static void write_driver_features(struct virtio_pci *pci, uint32_t value)
{
	if (pci->driver_feature_select > 1)
		return;
	if (pci->status & VIRTIO_CONFIG_S_FEATURES_OK)
		violate(pci);
	else
		pci->driver_features =
			with_half(pci->driver_features, pci->driver_feature_select, value);
}

static void common_write(struct virtio_pci *pci, uint64_t offset, unsigned int size, uint32_t value)
{
	if (size != field_size(offset))
		return;
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		pci->device_feature_select = value;
		break;
	case VIRTIO_PCI_COMMON_GFSELECT:
		pci->driver_feature_select = value;
		break;
	case VIRTIO_PCI_COMMON_GF:
		write_driver_features(pci, value);
		break;
	case VIRTIO_PCI_COMMON_MSIX:
		atomic_store(&pci->config_vector, usable_vector(pci, value));
		break;
	case VIRTIO_PCI_COMMON_STATUS:
		write_status(pci, (uint8_t)value);
		break;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		pci->queue_select = (uint16_t)value;
		break;
	case VIRTIO_PCI_COMMON_DF:
	case VIRTIO_PCI_COMMON_NUMQ:
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		break;
	default:
		queue_write(pci, offset, value);
	}
}

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
		return common_read(pci, offset, size);
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
		common_write(pci, offset, size, (uint32_t)value);
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
	reset_device(of(function));
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
	reset_registers(pci);
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

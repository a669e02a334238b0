/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "virtio.h"

#include "io.h"
#include "lib.h"

#include <linux/pci_regs.h>

#define MODERN_DEVICE_ID 0x1040

/* Ids of transitional devices, which a peer of ours may still show. */
static uint16_t transitional_id(uint16_t type)
{
	switch (type) {
	case VIRTIO_ID_NET:
		return 0x1000;
	case VIRTIO_ID_BLOCK:
		return 0x1001;
	case VIRTIO_ID_CONSOLE:
		return 0x1003;
	case VIRTIO_ID_RNG:
		return 0x1005;
	default:
		return 0;
	}
}

/* Reading capabilities costs an exit a byte, so what was found is kept, by slot. */
static struct virtio known[PCI_MAX_FUNCTIONS];

static bool read_capabilities(struct virtio *device, struct pci_function *pci)
{
	*device = (struct virtio){.pci = pci};
	for (uint8_t at = pci_capability(pci, PCI_CAP_ID_VNDR, 0); at != 0;
	     at = pci_capability(pci, PCI_CAP_ID_VNDR, at)) {
		uint64_t capability = pci->config + at;
		uint8_t bar = mmio_read8(capability + offsetof(struct virtio_pci_cap, bar)) %
			      PCI_MAX_BARS;
		uint64_t address =
			pci->bar[bar].address +
			mmio_read32(capability + offsetof(struct virtio_pci_cap, offset));

		switch (mmio_read8(capability + offsetof(struct virtio_pci_cap, cfg_type))) {
		case VIRTIO_PCI_CAP_COMMON_CFG:
			device->common = address;
			break;
		case VIRTIO_PCI_CAP_NOTIFY_CFG:
			device->notify = address;
			device->notify_multiplier =
				mmio_read32(capability + sizeof(struct virtio_pci_cap));
			break;
		case VIRTIO_PCI_CAP_ISR_CFG:
			device->isr = address;
			break;
		case VIRTIO_PCI_CAP_DEVICE_CFG:
			device->config = address;
			device->config_size =
				mmio_read32(capability + offsetof(struct virtio_pci_cap, length));
			break;
		default:
			break;
		}
	}
	if (device->common == 0 || device->notify == 0 || device->isr == 0)
		return false;
	device->queues = mmio_read16(device->common + VIRTIO_PCI_COMMON_NUMQ);
	return true;
}

bool virtio_open(struct virtio *device, struct pci_function *pci)
{
	struct virtio *before = &known[pci->slot];

	if (before->pci != pci && !read_capabilities(before, pci)) {
		before->pci = NULL;
		return false;
	}
	*device = *before;
	return true;
}

bool virtio_find(struct virtio *device, uint16_t type, unsigned nth)
{
	struct pci_function *pci = pci_find(VIRTIO_VENDOR, MODERN_DEVICE_ID + type, nth);

	if (pci == NULL)
		pci = pci_find(VIRTIO_VENDOR, transitional_id(type), nth);
	return pci != NULL && virtio_open(device, pci);
}

uint8_t virtio_status(const struct virtio *device)
{
	return mmio_read8(device->common + VIRTIO_PCI_COMMON_STATUS);
}

void virtio_set_status(const struct virtio *device, uint8_t status)
{
	mmio_write8(device->common + VIRTIO_PCI_COMMON_STATUS, status);
}

bool virtio_reset(const struct virtio *device)
{
	virtio_set_status(device, 0);
	return wait_for(virtio_status(device) == 0, VIRTIO_ANSWER_MS);
}

static void follow(uint64_t *address, const struct pci_bar *bar, uint64_t to)
{
	if (*address - bar->address < bar->size_bytes)
		*address += to - bar->address;
}

void virtio_moved(struct pci_function *pci, unsigned bar, uint64_t address)
{
	struct virtio *device = &known[pci->slot];
	const struct pci_bar from = pci->bar[bar];

	follow(&device->common, &from, address);
	follow(&device->notify, &from, address);
	follow(&device->isr, &from, address);
	follow(&device->config, &from, address);
	follow(&pci->msix_table, &from, address);
	follow(&pci->msix_pba, &from, address);
	pci->bar[bar].address = address;
}

void virtio_stop_all(void)
{
	for (size_t i = 0; i < pci_count(); i++) {
		struct pci_function *function = pci_get(i);
		struct virtio device;

		if (function->vendor != VIRTIO_VENDOR || !virtio_open(&device, function))
			continue;
		virtio_reset(&device);
		if (function->msix != 0)
			pci_msix_enable(function, false);
	}
}

uint64_t virtio_offered(const struct virtio *device)
{
	uint64_t low, high;

	mmio_write32(device->common + VIRTIO_PCI_COMMON_DFSELECT, 0);
	low = mmio_read32(device->common + VIRTIO_PCI_COMMON_DF);
	mmio_write32(device->common + VIRTIO_PCI_COMMON_DFSELECT, 1);
	high = mmio_read32(device->common + VIRTIO_PCI_COMMON_DF);
	return low | high << 32;
}

void virtio_write_features(const struct virtio *device, uint64_t features)
{
	mmio_write32(device->common + VIRTIO_PCI_COMMON_GFSELECT, 0);
	mmio_write32(device->common + VIRTIO_PCI_COMMON_GF, (uint32_t)features);
	mmio_write32(device->common + VIRTIO_PCI_COMMON_GFSELECT, 1);
	mmio_write32(device->common + VIRTIO_PCI_COMMON_GF, (uint32_t)(features >> 32));
}

bool virtio_negotiate(struct virtio *device, uint64_t wanted)
{
	if (!virtio_reset(device))
		return false;
	virtio_set_status(device, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	virtio_set_status(device, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	device->features = virtio_offered(device) & (wanted | FEATURE(VIRTIO_F_VERSION_1));
	virtio_write_features(device, device->features);
	virtio_set_status(device, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
					  VIRTIO_CONFIG_S_FEATURES_OK);
	return virtio_status(device) & VIRTIO_CONFIG_S_FEATURES_OK;
}

void virtio_driver_ok(const struct virtio *device)
{
	virtio_set_status(device, virtio_status(device) | VIRTIO_CONFIG_S_DRIVER_OK);
}

bool virtio_needs_reset(const struct virtio *device)
{
	return virtio_status(device) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

uint16_t virtio_queue_max(const struct virtio *device, uint16_t index)
{
	mmio_write16(device->common + VIRTIO_PCI_COMMON_Q_SELECT, index);
	return mmio_read16(device->common + VIRTIO_PCI_COMMON_Q_SIZE);
}

void virtqueue_prepare(struct virtqueue *queue, struct virtio *device, uint16_t index,
		       uint16_t size)
{
	*queue = (struct virtqueue){
		.device = device,
		.index = index,
		.size = size,
		.desc = allocate(size * sizeof(struct vring_desc), 16),
		.avail = allocate(6 + 2 * size, 2),
		.used = allocate(6 + 8 * size, 4),
		.free_count = size,
		.event_index = device->features & FEATURE(VIRTIO_RING_F_EVENT_IDX),
	};
	for (uint16_t i = 0; i < size; i++)
		queue->desc[i].next = (uint16_t)(i + 1);
	mmio_write16(device->common + VIRTIO_PCI_COMMON_Q_SELECT, index);
	queue->notify =
		device->notify + (uint64_t)mmio_read16(device->common + VIRTIO_PCI_COMMON_Q_NOFF) *
					 device->notify_multiplier;
}

static void write_address(uint64_t at, uint64_t address)
{
	mmio_write32(at, (uint32_t)address);
	mmio_write32(at + 4, (uint32_t)(address >> 32));
}

void virtqueue_enable(const struct virtqueue *queue, uint16_t msix_vector)
{
	uint64_t common = queue->device->common;

	mmio_write16(common + VIRTIO_PCI_COMMON_Q_SELECT, queue->index);
	mmio_write16(common + VIRTIO_PCI_COMMON_Q_SIZE, queue->size);
	mmio_write16(common + VIRTIO_PCI_COMMON_Q_MSIX, msix_vector);
	write_address(common + VIRTIO_PCI_COMMON_Q_DESCLO, (uint64_t)queue->desc);
	write_address(common + VIRTIO_PCI_COMMON_Q_AVAILLO, (uint64_t)queue->avail);
	write_address(common + VIRTIO_PCI_COMMON_Q_USEDLO, (uint64_t)queue->used);
	mmio_write16(common + VIRTIO_PCI_COMMON_Q_ENABLE, 1);
}

bool virtqueue_start(struct virtqueue *queue, struct virtio *device, uint16_t index)
{
	uint16_t size = virtio_queue_max(device, index);

	if (size == 0)
		return false;
	virtqueue_prepare(queue, device, index, size < VIRTIO_MAX_SIZE ? size : VIRTIO_MAX_SIZE);
	virtqueue_enable(queue, VIRTIO_MSI_NO_VECTOR);
	return true;
}

static struct vring_desc describe(const struct buffer *buffer, bool more, uint16_t next)
{
	return (struct vring_desc){
		.addr = (uint64_t)buffer->address,
		.len = buffer->length,
		.flags = (uint16_t)((more ? VRING_DESC_F_NEXT : 0) |
				    (buffer->device_writes ? VRING_DESC_F_WRITE : 0)),
		.next = more ? next : 0,
	};
}

void virtqueue_publish(struct virtqueue *queue, uint16_t head)
{
	queue->avail->ring[queue->next_avail % queue->size] = head;
	queue->next_avail++;
	__atomic_store_n(&queue->avail->idx, queue->next_avail, __ATOMIC_RELEASE);
}

int virtqueue_add(struct virtqueue *queue, const struct buffer *buffers, unsigned count)
{
	uint16_t head = queue->free_head, at = head;

	if (queue->free_count < count)
		return -1;
	for (unsigned i = 0; i < count; i++) {
		uint16_t next = queue->desc[at].next;

		queue->desc[at] = describe(&buffers[i], i + 1 < count, next);
		at = next;
	}
	queue->free_head = at;
	queue->free_count = (uint16_t)(queue->free_count - count);
	virtqueue_publish(queue, head);
	return head;
}

int virtqueue_add_indirect(struct virtqueue *queue, struct vring_desc *table,
			   const struct buffer *buffers, unsigned count)
{
	uint16_t head = queue->free_head;

	if (queue->free_count == 0)
		return -1;
	for (unsigned i = 0; i < count; i++)
		table[i] = describe(&buffers[i], i + 1 < count, (uint16_t)(i + 1));
	queue->free_head = queue->desc[head].next;
	queue->free_count--;
	queue->desc[head] = (struct vring_desc){
		.addr = (uint64_t)table,
		.len = (uint32_t)(count * sizeof(*table)),
		.flags = VRING_DESC_F_INDIRECT,
	};
	virtqueue_publish(queue, head);
	return head;
}

void virtqueue_notify(const struct virtqueue *queue)
{
	mmio_write16(queue->notify, queue->index);
}

void virtqueue_kick(struct virtqueue *queue)
{
	/* Our index before their wish not to be woken: pairs with the device's fence. */
	memory_fence();
	if (queue->event_index) {
		uint16_t event = *(volatile uint16_t *)&queue->used->ring[queue->size];

		/* Has next_avail moved past event since the last notification? Ours are few, so
		 * one chain a kick is what counts. */
		if ((uint16_t)(queue->next_avail - event - 1) >= queue->size)
			return;
	} else if (*(volatile uint16_t *)&queue->used->flags & VRING_USED_F_NO_NOTIFY) {
		return;
	}
	virtqueue_notify(queue);
}

bool virtqueue_has_used(const struct virtqueue *queue)
{
	return __atomic_load_n(&queue->used->idx, __ATOMIC_ACQUIRE) != queue->next_used;
}

int virtqueue_take(struct virtqueue *queue, uint32_t *length)
{
	const struct vring_used_elem *element;
	uint16_t last, freed = 1;

	if (!virtqueue_has_used(queue))
		return -1;
	element = &queue->used->ring[queue->next_used % queue->size];
	queue->next_used++;
	if (queue->event_index)
		queue->avail->ring[queue->size] = queue->next_used;
	if (length != NULL)
		*length = element->len;
	if (element->id >= queue->size)
		return -1;
	for (last = (uint16_t)element->id; queue->desc[last].flags & VRING_DESC_F_NEXT; freed++)
		last = queue->desc[last].next;
	queue->desc[last].next = queue->free_head;
	queue->free_head = (uint16_t)element->id;
	queue->free_count = (uint16_t)(queue->free_count + freed);
	return (int)element->id;
}

int virtqueue_exchange(struct virtqueue *queue, uint32_t *length)
{
	virtqueue_kick(queue);
	if (!wait_for(virtqueue_has_used(queue), VIRTIO_ANSWER_MS))
		return -1;
	return virtqueue_take(queue, length);
}

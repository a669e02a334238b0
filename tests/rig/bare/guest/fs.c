/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fs.h"

#include "interrupts.h"
#include "io.h"
#include "lib.h"

#include <linux/pci_regs.h>
#include <stddef.h>

/* Shared memory region 0 (virtio 1.2, 4.1.4.7). */
static void find_window(struct fs *fs)
{
	struct pci_function *pci = fs->device.pci;

	for (uint8_t at = pci_capability(pci, PCI_CAP_ID_VNDR, 0); at;
	     at = pci_capability(pci, PCI_CAP_ID_VNDR, at)) {
		uint64_t capability = pci->config + at;
		uint8_t bar = mmio_read8(capability + offsetof(struct virtio_pci_cap, bar));

		if (mmio_read8(capability + offsetof(struct virtio_pci_cap, cfg_type)) !=
			    VIRTIO_PCI_CAP_SHARED_MEMORY_CFG ||
		    bar >= PCI_MAX_BARS)
			continue;
		fs->window = pci->bar[bar].address +
			     mmio_read32(capability + offsetof(struct virtio_pci_cap, offset)) +
			     ((uint64_t)mmio_read32(capability +
						    offsetof(struct virtio_pci_cap64, offset_hi))
			      << 32);
		fs->window_bytes =
			mmio_read32(capability + offsetof(struct virtio_pci_cap, length)) +
			((uint64_t)mmio_read32(capability +
					       offsetof(struct virtio_pci_cap64, length_hi))
			 << 32);
	}
}

bool fs_start(struct fs *fs, bool interrupts)
{
	struct virtio *device = &fs->device;

	*fs = (struct fs){0};
	if (!virtio_find(device, VIRTIO_ID_FS, 0) || !virtio_negotiate(device, 0))
		return false;
	find_window(fs);
	if (interrupts) {
		pci_msix_enable(device->pci, true);
		for (unsigned i = 0; i <= device->queues; i++)
			pci_msix_set(device->pci, i, (uint8_t)(VECTOR_DEVICES + i));
		mmio_write16(device->common + VIRTIO_PCI_COMMON_MSIX, 0);
	}
	for (uint16_t i = 0; i < device->queues && i < FS_MAX_QUEUES; i++) {
		virtqueue_prepare(&fs->queue[i], device, i, VIRTIO_MAX_SIZE);
		virtqueue_enable(&fs->queue[i],
				 interrupts ? (uint16_t)(i + 1) : VIRTIO_MSI_NO_VECTOR);
	}
	virtio_driver_ok(device);
	return !virtio_needs_reset(device);
}

int fs_submit(struct fs *fs, unsigned queue, enum fs_operation operation, uint64_t first,
	      uint64_t second, uint64_t third, volatile uint64_t **answer)
{
	uint64_t *numbers = allocate(5 * sizeof(*numbers), 16);
	struct buffer buffers[] = {{numbers, 4 * sizeof(*numbers), false},
				   {numbers + 4, sizeof(*numbers), true}};
	int head;

	numbers[0] = operation;
	numbers[1] = first;
	numbers[2] = second;
	numbers[3] = third;
	*answer = numbers + 4;
	head = virtqueue_add(&fs->queue[queue], buffers, 2);
	if (head >= 0)
		virtqueue_kick(&fs->queue[queue]);
	return head;
}

uint64_t fs_do(struct fs *fs, enum fs_operation operation, uint64_t first, uint64_t second,
	       uint64_t third)
{
	volatile uint64_t *answer;

	if (fs_submit(fs, 1, operation, first, second, third, &answer) < 0 ||
	    !wait_for(virtqueue_has_used(&fs->queue[1]), FS_ANSWER_MS) ||
	    virtqueue_take(&fs->queue[1], NULL) < 0)
		return FS_NO_ANSWER;
	return *answer;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "blk.h"
#include "interrupts.h"
#include "io.h"
#include "lib.h"
#include "suites.h"

#define VECTOR_CONFIG (VECTOR_DEVICES + 0)
#define VECTOR_QUEUE  (VECTOR_DEVICES + 1)
#define SETTLE_MS     20

/* A disk whose first queue interrupts by MSI-X entry 1. */
static bool start(struct blk *blk, uint64_t features)
{
	struct virtio *device = &blk->device;

	if (!virtio_find(device, VIRTIO_ID_BLOCK, BLK_DISK) || !virtio_negotiate(device, features))
		return false;
	pci_msix_enable(device->pci, true);
	pci_msix_set(device->pci, 0, VECTOR_CONFIG);
	pci_msix_set(device->pci, 1, VECTOR_QUEUE);
	mmio_write16(device->common + VIRTIO_PCI_COMMON_MSIX, 0);
	virtqueue_prepare(&blk->queue[0], device, 0, 16);
	virtqueue_enable(&blk->queue[0], 1);
	virtio_driver_ok(device);
	return mmio_read16(device->common + VIRTIO_PCI_COMMON_MSIX) == 0;
}

static bool submit(struct blk *blk)
{
	struct blk_request *request = allocate(sizeof(*request), 16);

	if (blk_submit(&blk->queue[0], request, VIRTIO_BLK_T_IN, 0,
		       allocate(BLK_SECTOR, BLK_SECTOR), BLK_SECTOR) < 0)
		return false;
	virtqueue_kick(&blk->queue[0]);
	return true;
}

static bool answered(struct blk *blk)
{
	return wait_for(virtqueue_has_used(&blk->queue[0]), VIRTIO_ANSWER_MS) &&
	       virtqueue_take(&blk->queue[0], NULL) >= 0;
}

static void end(struct blk *blk)
{
	virtio_reset(&blk->device);
	pci_msix_enable(blk->device.pci, false);
	interrupts_drain();
}

static void test_delivered(void)
{
	struct blk blk;
	uint64_t before = interrupt_count(VECTOR_QUEUE);

	require(start(&blk, 0), "the device does not start");
	check(!interrupt_wait(VECTOR_QUEUE, before + 1, SETTLE_MS), "one before any request");
	for (uint64_t i = 1; i <= 5; i++) {
		require(submit(&blk), "no descriptor");
		check(interrupt_wait(VECTOR_QUEUE, before + i, VIRTIO_ANSWER_MS),
		      "no interrupt came");
		check(answered(&blk), "no answer");
	}
	end(&blk);
	check(interrupt_count(VECTOR_QUEUE) == before + 5, "%lu interrupts for five requests",
	      interrupt_count(VECTOR_QUEUE) - before);
}

static void test_from_sleep(void)
{
	struct blk blk;
	uint64_t before = interrupt_count(VECTOR_QUEUE);

	require(start(&blk, 0), "the device does not start");
	for (uint64_t i = 1; i <= 10; i++) {
		require(submit(&blk), "no descriptor");
		/* Should it be lost, the rig's time limit ends us and names this test. */
		while (interrupt_count(VECTOR_QUEUE) < before + i)
			sleep_until_interrupt();
		require(answered(&blk), "an interrupt without an answer");
	}
	end(&blk);
}

static void masked(bool by_function)
{
	struct blk blk;
	uint64_t before = interrupt_count(VECTOR_QUEUE);
	struct pci_function *pci;
	uint64_t control;

	require(start(&blk, 0), "the device does not start");
	pci = blk.device.pci;
	control = pci->config + pci->msix + 2;
	if (by_function)
		mmio_write16(control, 0xc000); /* enable, function mask */
	else
		pci_msix_mask(pci, 1, true);
	require(submit(&blk) && answered(&blk), "no answer");
	check(!interrupt_wait(VECTOR_QUEUE, before + 1, SETTLE_MS), "a masked vector came");
	check(pci_msix_pending(pci, 1), "its pending bit is not set");
	if (by_function)
		pci_msix_enable(pci, true);
	else
		pci_msix_mask(pci, 1, false);
	check(interrupt_wait(VECTOR_QUEUE, before + 1, VIRTIO_ANSWER_MS),
	      "what was pending does not come when unmasked");
	check(!pci_msix_pending(pci, 1), "its pending bit stays");
	end(&blk);
	check(interrupt_count(VECTOR_QUEUE) == before + 1, "it came %lu times",
	      interrupt_count(VECTOR_QUEUE) - before);
}

static void test_masked_vector(void)
{
	masked(false);
}

static void test_masked_function(void)
{
	masked(true);
}

static void test_moved(void)
{
	struct blk blk;
	uint8_t other = VECTOR_DEVICES + 7;
	uint64_t before = interrupt_count(other), old = interrupt_count(VECTOR_QUEUE);

	require(start(&blk, 0), "the device does not start");
	pci_msix_set(blk.device.pci, 1, other);
	require(submit(&blk) && answered(&blk), "no answer");
	check(interrupt_wait(other, before + 1, VIRTIO_ANSWER_MS), "the new vector does not come");
	check(interrupt_count(VECTOR_QUEUE) == old, "the old vector came");
	end(&blk);
}

/* used_event is exact, once a first interrupt has told the device where it stands. */
static void test_event_index(void)
{
	struct blk blk;
	uint64_t before = interrupt_count(VECTOR_QUEUE) + 1;

	require(start(&blk, FEATURE(VIRTIO_RING_F_EVENT_IDX)), "the device does not start");
	require(blk.device.features & FEATURE(VIRTIO_RING_F_EVENT_IDX), "not offered");
	require(submit(&blk), "no descriptor");
	require(interrupt_wait(VECTOR_QUEUE, before, VIRTIO_ANSWER_MS), "no first interrupt");
	/* Not before three more are used. */
	blk.queue[0].avail->ring[blk.queue[0].size] = 3;
	for (int i = 0; i < 3; i++) {
		require(submit(&blk), "no descriptor");
		require(wait_for(*(volatile uint16_t *)&blk.queue[0].used->idx == i + 2,
				 VIRTIO_ANSWER_MS),
			"no answer");
		if (i < 2)
			check(!interrupt_wait(VECTOR_QUEUE, before + 1, SETTLE_MS),
			      "an interrupt after %d of 3", i + 1);
	}
	check(interrupt_wait(VECTOR_QUEUE, before + 1, VIRTIO_ANSWER_MS), "no interrupt at all");
	end(&blk);
}

static void test_no_such_vector(void)
{
	struct blk blk;
	uint64_t common;

	require(start(&blk, 0), "the device does not start");
	common = blk.device.common;
	mmio_write16(common + VIRTIO_PCI_COMMON_MSIX, (uint16_t)blk.device.pci->msix_count);
	check(mmio_read16(common + VIRTIO_PCI_COMMON_MSIX) == VIRTIO_MSI_NO_VECTOR,
	      "a vector behind the table is accepted for configuration changes");
	virtio_reset(&blk.device);
	mmio_write16(common + VIRTIO_PCI_COMMON_Q_SELECT, 0);
	mmio_write16(common + VIRTIO_PCI_COMMON_Q_MSIX, 0x7fff);
	check(mmio_read16(common + VIRTIO_PCI_COMMON_Q_MSIX) == VIRTIO_MSI_NO_VECTOR,
	      "a vector behind the table is accepted for a queue");
	end(&blk);
}

static const struct test tests[] = {
	{"delivered", test_delivered},
	{"from-sleep", test_from_sleep},
	{"masked-vector", test_masked_vector},
	{"masked-function", test_masked_function},
	{"moved", test_moved},
	{"event-index", test_event_index},
	{"no-such-vector", test_no_such_vector},
};

const struct suite suite_interrupts = {"interrupts", tests, ARRAY_SIZE(tests), NULL};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The virtio file system as a device: rings, interrupts, the DAX window, and a back end (../fs.py)
 * that does what it is told, also wrong. */
#include "blk.h"
#include "fs.h"
#include "interrupts.h"
#include "io.h"
#include "lib.h"
#include "suites.h"

#include <errno.h>

#define ECHOED	  0x5a5a5a5a5a5a5a5aULL
#define PAGE	  4096ULL
#define CHUNK	  (2 * MIB)
#define SETTLE_MS 20
/* A back end that has gone is found within a second, one that stalls is given up after five. */
#define RETURN_MS 20000
#define STALL_MS  15000

static void test_config(void)
{
	struct fs fs;

	require(fs_start(&fs, false), "the device does not start");
	check(mmio_read32(fs.device.config) == 0x65726162, "its tag is not \"bare\"");
	check(mmio_read32(fs.device.config + 4) == 0, "its tag goes on");
	check(mmio_read32(fs.device.config + 36) == fs.device.queues - 1U,
	      "%u request queues, but %u queues", mmio_read32(fs.device.config + 36),
	      fs.device.queues);
	check(virtio_queue_max(&fs.device, 1) >= 64, "queues of %u",
	      virtio_queue_max(&fs.device, 1));
}

static void test_all_queues(void)
{
	struct fs fs;

	require(fs_start(&fs, false), "the device does not start");
	for (unsigned queue = 0; queue < fs.device.queues && queue < FS_MAX_QUEUES; queue++) {
		for (uint64_t i = 0; i < 200; i++) {
			volatile uint64_t *answer;

			require(fs_submit(&fs, queue, FS_ECHO, i, 0, 0, &answer) >= 0 &&
					wait_for(virtqueue_has_used(&fs.queue[queue]),
						 FS_ANSWER_MS) &&
					virtqueue_take(&fs.queue[queue], NULL) >= 0,
				"queue %u does not answer request %lu", queue, i);
			require(*answer == (i ^ ECHOED), "a wrong answer");
		}
	}
}

static void test_reset_and_again(void)
{
	struct fs fs;

	for (uint64_t i = 0; i < 20; i++) {
		volatile uint64_t *answer;

		require(fs_start(&fs, false), "the device does not start");
		require(fs_do(&fs, FS_ECHO, i, 0, 0) == (i ^ ECHOED), "a wrong answer");
		/* And one in flight. */
		require(fs_submit(&fs, 1, FS_ECHO, i, 0, 0, &answer) >= 0, "no descriptor");
		require(virtio_reset(&fs.device), "no reset");
	}
}

static void end(struct fs *fs)
{
	virtio_reset(&fs->device);
	pci_msix_enable(fs->device.pci, false);
	interrupts_drain();
}

static bool answered(struct fs *fs)
{
	return wait_for(virtqueue_has_used(&fs->queue[1]), FS_ANSWER_MS) &&
	       virtqueue_take(&fs->queue[1], NULL) >= 0;
}

#define VECTOR_QUEUE (VECTOR_DEVICES + 2)

static void test_interrupts(void)
{
	struct fs fs;
	uint64_t before = interrupt_count(VECTOR_QUEUE);
	volatile uint64_t *answer;

	require(fs_start(&fs, true), "the device does not start");
	for (uint64_t i = 1; i <= 20; i++) {
		require(fs_submit(&fs, 1, FS_ECHO, i, 0, 0, &answer) >= 0, "no descriptor");
		check(interrupt_wait(VECTOR_QUEUE, before + i, FS_ANSWER_MS), "no interrupt came");
		require(answered(&fs), "no answer");
	}
	end(&fs);
	check(interrupt_count(VECTOR_QUEUE) == before + 20, "%lu interrupts for 20 requests",
	      interrupt_count(VECTOR_QUEUE) - before);
}

static void masked(bool by_function)
{
	struct fs fs;
	uint64_t before, control;
	volatile uint64_t *answer;
	struct pci_function *pci;

	require(fs_start(&fs, true), "the device does not start");
	pci = fs.device.pci;
	control = pci->config + pci->msix + 2;
	for (int round = 0; round < 3; round++) {
		before = interrupt_count(VECTOR_QUEUE);
		if (by_function)
			mmio_write16(control, 0xc000); /* enable, function mask */
		else
			pci_msix_mask(pci, 2, true);
		require(fs_submit(&fs, 1, FS_ECHO, 1, 0, 0, &answer) >= 0 && answered(&fs),
			"no answer");
		check(!interrupt_wait(VECTOR_QUEUE, before + 1, SETTLE_MS), "a masked vector came");
		check(wait_for(pci_msix_pending(pci, 2), FS_ANSWER_MS),
		      "its pending bit is not set");
		if (by_function)
			pci_msix_enable(pci, true);
		else
			pci_msix_mask(pci, 2, false);
		check(interrupt_wait(VECTOR_QUEUE, before + 1, FS_ANSWER_MS),
		      "what was pending does not come when unmasked");
		check(!pci_msix_pending(pci, 2), "its pending bit stays");
		check(interrupt_count(VECTOR_QUEUE) == before + 1, "it came %lu times",
		      interrupt_count(VECTOR_QUEUE) - before);
	}
	end(&fs);
}

static void test_masked_vector(void)
{
	masked(false);
}

static void test_masked_function(void)
{
	masked(true);
}

static void test_moved_vector(void)
{
	struct fs fs;
	uint8_t other = VECTOR_DEVICES + 9;
	uint64_t before = interrupt_count(other), old;
	volatile uint64_t *answer;

	require(fs_start(&fs, true), "the device does not start");
	old = interrupt_count(VECTOR_QUEUE);
	pci_msix_set(fs.device.pci, 2, other);
	require(fs_submit(&fs, 1, FS_ECHO, 1, 0, 0, &answer) >= 0 && answered(&fs), "no answer");
	check(interrupt_wait(other, before + 1, FS_ANSWER_MS), "the new vector does not come");
	check(interrupt_count(VECTOR_QUEUE) == old, "the old vector came");
	end(&fs);
}

/* --- The window --- */

static volatile uint64_t *word(const struct fs *fs, uint64_t offset)
{
	return (volatile uint64_t *)(fs->window + offset);
}

static bool start_with_window(struct fs *fs)
{
	if (!fs_start(fs, false))
		return false;
	if (fs->window_bytes == 0)
		test_failed("there is no window");
	return fs->window_bytes > 0;
}

static void test_window(void)
{
	struct fs fs;

	require(start_with_window(&fs), "the device does not start");
	require(fs.window >= 4 * GIB && fs.window % fs.window_bytes == 0, "it is at 0x%lx",
		fs.window);
	/* Nothing is mapped, and nothing happens. */
	for (uint64_t at = 0; at < fs.window_bytes; at += CHUNK)
		*word(&fs, at) = at;
	require(fs_do(&fs, FS_MAP, CHUNK, CHUNK, CHUNK | 1) == 0, "not mapped");
	require(fs_do(&fs, FS_MAP, 4 * CHUNK, PAGE, 0) == 0, "not mapped");
	for (uint64_t at = 0; at < CHUNK; at += PAGE)
		require(*word(&fs, CHUNK + at) == CHUNK + at + 1, "0x%lx at 0x%lx",
			*word(&fs, CHUNK + at), at);
	check(*word(&fs, 4 * CHUNK + 8) == 9, "not what is in the file");
	*word(&fs, CHUNK + PAGE) = 77;
	check(fs_do(&fs, FS_READ, CHUNK + PAGE, 0, 0) == 77, "a write does not reach the file");
	/* In the place of what is there. */
	require(fs_do(&fs, FS_MAP, CHUNK + PAGE, PAGE, 0) == 0, "not replaced");
	check(*word(&fs, CHUNK + PAGE) == 1, "not what took its place");
	check(*word(&fs, CHUNK) == CHUNK + 1, "what is beside it has gone");
	require(fs_do(&fs, FS_UNMAP, CHUNK, CHUNK, 0) == 0, "not unmapped");
	check(*word(&fs, CHUNK + PAGE) != 1, "it is still there");
	require(fs_do(&fs, FS_FILL, 0, 0, 0) == 0, "no answer");
	require(virtio_reset(&fs.device), "no reset");
	check(*word(&fs, 4 * CHUNK + 8) == 0, "a reset leaves a mapping");
}

static void test_wrong_mappings(void)
{
	struct fs fs;

	require(start_with_window(&fs), "the device does not start");
	check(fs_do(&fs, FS_MAP, fs.window_bytes, PAGE, 0) == FS_REFUSED + EINVAL, "behind it");
	check(fs_do(&fs, FS_MAP, fs.window_bytes - PAGE, 2 * PAGE, 0) == FS_REFUSED + EINVAL,
	      "over its end");
	check(fs_do(&fs, FS_MAP, 0, UINT64_MAX & ~(PAGE - 1), 0) == FS_REFUSED + EINVAL, "all");
	check(fs_do(&fs, FS_MAP, -PAGE, 2 * PAGE, 0) == FS_REFUSED + EINVAL, "before it");
	check(fs_do(&fs, FS_MAP, 1, PAGE, 0) == FS_REFUSED + EINVAL, "no page");
	check(fs_do(&fs, FS_MAP, 0, 0, 0) == FS_REFUSED + EINVAL, "no bytes");
	check(fs_do(&fs, FS_MAP, 0, PAGE, 1ULL << 63) == FS_REFUSED + EINVAL, "no file so large");
	check(fs_do(&fs, FS_UNMAP, fs.window_bytes, PAGE, 0) == FS_REFUSED + EINVAL, "behind it");
	check(fs_do(&fs, FS_ECHO, 5, 0, 0) == (5 ^ ECHOED), "the device is broken");
}

/* Somebody cuts the file short: its pages are gone, and come back. */
static void test_cut_short(void)
{
	struct fs fs;

	require(start_with_window(&fs), "the device does not start");
	require(fs_do(&fs, FS_MAP, 0, CHUNK, CHUNK | 1) == 0, "not mapped");
	check(*word(&fs, CHUNK - PAGE) == 2 * CHUNK - PAGE + 1, "not what is in the file");
	require(fs_do(&fs, FS_TRUNCATE, CHUNK + 16 * PAGE, 0, 0) == 0, "no answer");
	check(*word(&fs, 15 * PAGE) == CHUNK + 15 * PAGE + 1, "too much has gone");
	check(*word(&fs, 16 * PAGE) == 0, "0x%lx is behind the end", *word(&fs, 16 * PAGE));
	*word(&fs, CHUNK - PAGE) = 5;
	require(fs_do(&fs, FS_FILL, 0, 0, 0) == 0, "no answer");
	check(wait_for(*word(&fs, CHUNK - PAGE) == 2 * CHUNK - PAGE + 1, FS_ANSWER_MS),
	      "what is there again is not seen: 0x%lx", *word(&fs, CHUNK - PAGE));
	check(*word(&fs, 16 * PAGE) == CHUNK + 16 * PAGE + 1, "not all of it is back");
}

/* What is mapped serves as the buffer of another device; cut short, too. */
static void test_buffers_in_the_window(void)
{
	struct fs fs;
	struct blk blk;

	require(start_with_window(&fs), "the device does not start");
	require(fs_do(&fs, FS_MAP, 0, CHUNK, 1) == 0, "not mapped");
	require(blk_start(&blk, BLK_DISK, 0), "the disk does not start");
	for (int round = 0; round < 2; round++) {
		check(blk_do(&blk.queue[0], VIRTIO_BLK_T_IN, 0, (void *)(fs.window + 4 * PAGE),
			     BLK_SECTOR) >= 0,
		      "the disk does not answer");
		check(!virtio_needs_reset(&blk.device), "the disk is broken");
		if (round == 0)
			require(fs_do(&fs, FS_TRUNCATE, PAGE, 0, 0) == 0, "no answer");
	}
	require(fs_do(&fs, FS_FILL, 0, 0, 0) == 0, "no answer");
}

/* --- A back end that does wrong --- */

/* There is another one, for whoever resets the device. */
static bool returns(struct fs *fs)
{
	return wait_for(fs_start(fs, false), RETURN_MS) &&
	       fs_do(fs, FS_ECHO, 3, 0, 0) == (3 ^ ECHOED);
}

static bool disk_works(void)
{
	void *sector = allocate(BLK_SECTOR, BLK_SECTOR);
	struct blk blk;

	return blk_start(&blk, BLK_BYSTANDER, 0) && blk_read(&blk, 0, sector, BLK_SECTOR) &&
	       memcmp(sector, BLK_BYSTANDER_TEXT, strlen(BLK_BYSTANDER_TEXT)) == 0;
}

/* Do @operation, which ends in NEEDS_RESET; others do not notice. */
static void breaks(enum fs_operation operation)
{
	struct fs fs;
	volatile uint64_t *answer;
	uint64_t before = interrupt_count(VECTOR_DEVICES);

	require(fs_start(&fs, true), "the device does not start");
	require(fs_submit(&fs, 1, operation, 0, 0, 0, &answer) >= 0, "no descriptor");
	check(interrupt_wait(VECTOR_DEVICES, before + 1, RETURN_MS), "nobody says so");
	check(virtio_needs_reset(&fs.device), "it needs no reset");
	check(disk_works(), "a disk does not work any more");
	end(&fs);
	check(!virtio_needs_reset(&fs.device), "a reset is not enough");
	check(returns(&fs), "it does not come back");
}

static void test_dies(void)
{
	breaks(FS_DIE);
}

static void test_speaks_unasked(void)
{
	breaks(FS_SPEAK);
}

static void test_does_not_like_the_ring(void)
{
	breaks(FS_ERROR);
}

static void test_dies_at_reset(void)
{
	struct fs fs;

	require(fs_start(&fs, false), "the device does not start");
	require(fs_do(&fs, FS_DIE_AT_RESET, 0, 0, 0) == 0, "no answer");
	require(virtio_reset(&fs.device), "no reset");
	check(returns(&fs), "it does not come back");
}

static void test_stalls(void)
{
	struct fs fs;
	volatile uint64_t *answer;
	uint64_t before;

	require(fs_start(&fs, false), "the device does not start");
	require(fs_submit(&fs, 1, FS_STALL, 0, 0, 0, &answer) >= 0, "no descriptor");
	check(!wait_for(virtqueue_has_used(&fs.queue[1]), SETTLE_MS), "it does not stall");
	before = tsc();
	virtio_set_status(&fs.device, 0);
	check(tsc() - before < ticks_of_ms(STALL_MS), "a reset takes longer than %u ms", STALL_MS);
	check(virtio_status(&fs.device) == 0, "no reset");
	check(returns(&fs), "it does not come back");
}

static void test_wild_rings(void)
{
	struct fs fs;
	struct virtio *device = &fs.device;

	for (unsigned which = 0; which < 3; which++) {
		require(virtio_find(device, VIRTIO_ID_FS, 0) && virtio_negotiate(device, 0),
			"the device does not start");
		virtqueue_prepare(&fs.queue[1], device, 1, 16);
		if (which == 0)
			fs.queue[1].desc = (void *)0xfffffffff0000000ULL;
		else if (which == 1)
			fs.queue[1].avail = (void *)(4 * GIB - 16);
		else
			fs.queue[1].used = (void *)0xc0000000ULL;
		virtqueue_enable(&fs.queue[1], VIRTIO_MSI_NO_VECTOR);
		virtio_driver_ok(device);
		check(virtio_needs_reset(device), "ring %u may be anywhere", which);
	}
	check(returns(&fs), "it does not come back");
}

static const struct test tests[] = {
	{"config", test_config},
	{"all-queues", test_all_queues},
	{"reset-and-again", test_reset_and_again},
	{"interrupts", test_interrupts},
	{"masked-vector", test_masked_vector},
	{"masked-function", test_masked_function},
	{"moved-vector", test_moved_vector},
	{"window", test_window},
	{"wrong-mappings", test_wrong_mappings},
	{"cut-short", test_cut_short},
	{"buffers-in-the-window", test_buffers_in_the_window},
	{"wild-rings", test_wild_rings},
	{"does-not-like-the-ring", test_does_not_like_the_ring},
	{"dies", test_dies},
	{"speaks-unasked", test_speaks_unasked},
	{"dies-at-reset", test_dies_at_reset},
	{"stalls", test_stalls},
};

const struct suite suite_fs = {"fs", tests, ARRAY_SIZE(tests), NULL};

/* And leaves it in use. */
static const struct test use_tests[] = {
	{"window", test_window},
	{"all-queues", test_all_queues},
};

const struct suite suite_fs_use = {"fs-use", use_tests, ARRAY_SIZE(use_tests), NULL};

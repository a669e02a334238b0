/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What things cost, in nanoseconds by the time stamp counter: remarks, and no verdict. */
#include "blk.h"
#include "io.h"
#include "lib.h"
#include "rng.h"
#include "suites.h"

#define ROUNDS 200

static void report(const char *what, uint64_t ticks)
{
	print("# figure %s %lu ns\n", what, ticks * 1000 / (ticks_of_ms(1000) / 1000000) / ROUNDS);
}

static void test_exits(void)
{
	struct virtio device;
	uint64_t start;

	require(virtio_find(&device, VIRTIO_ID_RNG, 0), "no device");
	start = tsc();
	for (int i = 0; i < ROUNDS; i++)
		port_read8(0x3fd);
	report("port-read", tsc() - start);
	start = tsc();
	for (int i = 0; i < ROUNDS; i++)
		mmio_read32(device.common + VIRTIO_PCI_COMMON_DFSELECT);
	report("register-read", tsc() - start);
}

static void test_requests(void)
{
	struct blk blk;
	struct rng rng;
	uint8_t *bytes = allocate(4096, 4096);
	uint64_t start;

	require(blk_start(&blk, BLK_BYSTANDER, 0) && rng_start(&rng), "a device does not start");
	start = tsc();
	for (int i = 0; i < ROUNDS; i++)
		virtqueue_notify(&rng.queue);
	report("notify", tsc() - start);
	start = tsc();
	for (int i = 0; i < ROUNDS; i++)
		require(blk_read(&blk, 0, bytes, BLK_SECTOR), "read");
	report("blk-read-512", tsc() - start);
	start = tsc();
	for (int i = 0; i < ROUNDS; i++)
		require(rng_fill(&rng, bytes, 64) > 0, "fill");
	report("rng-fill-64", tsc() - start);
}

static const struct test tests[] = {
	{"exits", test_exits},
	{"requests", test_requests},
};

const struct suite suite_figures = {"figures", tests, ARRAY_SIZE(tests), NULL};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The memory device: what may not be plugged in is not; and, with mem.py at the control socket, a
 * driver that does what is requested, and memory that is there and gone. */
#include "mem.h"

#include "io.h"
#include "lib.h"
#include "page.h"
#include "suites.h"

#define PAGE	4096ULL
#define BLOCK	(2 * MIB)
#define STEP	(128 * MIB)
#define WORD	0x5a5a5a5a5a5a5a5aULL
#define HOST_MS 60000 /* for what mem.py does on a machine that is busy */

static void test_offers(void)
{
	struct mem mem;
	uint64_t address, size;

	require(mem_start(&mem), "the device does not start");
	address = MEM_CONFIG(&mem, addr);
	size = MEM_CONFIG(&mem, region_size);
	check(MEM_CONFIG(&mem, block_size) == BLOCK, "blocks of 0x%lx",
	      MEM_CONFIG(&mem, block_size));
	check(address >= 4 * GIB && address % STEP == 0, "its region is at 0x%lx", address);
	check(size > 0 && size % STEP == 0, "its region has 0x%lx bytes", size);
	check(MEM_CONFIG(&mem, requested_size) == 0, "0x%lx bytes are requested",
	      MEM_CONFIG(&mem, requested_size));
	check(MEM_CONFIG(&mem, plugged_size) == 0, "0x%lx bytes are there",
	      MEM_CONFIG(&mem, plugged_size));
}

static void test_nothing_unasked(void)
{
	struct mem mem;
	uint64_t address;

	require(mem_start(&mem), "the device does not start");
	address = MEM_CONFIG(&mem, addr);
	check(mem_ask(&mem, VIRTIO_MEM_REQ_PLUG, address, 1) == VIRTIO_MEM_RESP_ERROR,
	      "a block that nobody asked for is answered by %u", mem.response->type);
	check(mem_ask(&mem, VIRTIO_MEM_REQ_UNPLUG, address, 1) == VIRTIO_MEM_RESP_ERROR,
	      "a block that is not there goes out: %u", mem.response->type);
	check(mem_ask(&mem, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0) == VIRTIO_MEM_RESP_ACK,
	      "nothing does not go out: %u", mem.response->type);
	check(mem_ask(&mem, 77, address, 1) == VIRTIO_MEM_RESP_ERROR,
	      "a request of no kind is answered by %u", mem.response->type);
	check(!virtio_needs_reset(&mem.device), "the device is broken");
}

/* Nobody has granted it: no RAM is there. */
static void test_nothing_there(void)
{
	struct mem mem;
	uint64_t address;

	require(mem_start(&mem), "the device does not start");
	address = MEM_CONFIG(&mem, addr);
	page_map(address, STEP);
	mmio_write64(address, WORD);
	check(mmio_read64(address) == UINT64_MAX, "0x%lx is there", mmio_read64(address));
}

static const struct test tests[] = {
	{"offers", test_offers},
	{"nothing-unasked", test_nothing_unasked},
	{"nothing-there", test_nothing_there},
};

const struct suite suite_mem = {"mem", tests, ARRAY_SIZE(tests), NULL};

/* --- With mem.py ------------------------------------------------------------------------------ */

static bool requested(const struct mem *mem, uint64_t bytes)
{
	return wait_for(MEM_CONFIG(mem, requested_size) == bytes, HOST_MS);
}

static void fill(uint64_t address, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += PAGE)
		mmio_write64(address + at, WORD + at);
}

static uint64_t wrong_pages(uint64_t address, uint64_t bytes, bool filled)
{
	uint64_t wrong = 0;

	for (uint64_t at = 0; at < bytes; at += PAGE)
		wrong += mmio_read64(address + at) != (filled ? WORD + at : 0);
	return wrong;
}

/* 64 MiB in, but for a hole that comes later; out again; 16 MiB in at another place. */
static void test_follow(void)
{
	uint16_t blocks = 64 * MIB / BLOCK;
	struct mem mem;
	uint64_t at;

	require(mem_start(&mem), "the device does not start");
	at = MEM_CONFIG(&mem, addr);
	page_map(at, 2 * STEP);
	require(requested(&mem, 64 * MIB), "64 MiB are not requested");
	check(MEM_CONFIG(&mem, usable_region_size) == STEP, "0x%lx bytes are usable",
	      MEM_CONFIG(&mem, usable_region_size));
	require(mem_ask(&mem, VIRTIO_MEM_REQ_PLUG, at, blocks + 1) == VIRTIO_MEM_RESP_NACK,
		"more than requested: %u", mem.response->type);
	require(mem_ask(&mem, VIRTIO_MEM_REQ_PLUG, at, 1) == VIRTIO_MEM_RESP_ACK,
		"the first block: %u", mem.response->type);
	require(mem_ask(&mem, VIRTIO_MEM_REQ_PLUG, at + 2 * BLOCK, blocks - 1) ==
			VIRTIO_MEM_RESP_ACK,
		"the others: %u", mem.response->type);
	check(MEM_CONFIG(&mem, plugged_size) == 64 * MIB, "0x%lx bytes are there",
	      MEM_CONFIG(&mem, plugged_size));
	check(mem_ask(&mem, VIRTIO_MEM_REQ_STATE, at, 3) == VIRTIO_MEM_RESP_ACK &&
		      mem.response->u.state.state == VIRTIO_MEM_STATE_MIXED,
	      "with a hole they are in state %u", mem.response->u.state.state);
	fill(at, BLOCK);
	fill(at + 2 * BLOCK, 62 * MIB);
	check(wrong_pages(at, BLOCK, true) == 0, "the first block is not what was written");
	check(wrong_pages(at + 2 * BLOCK, 62 * MIB, true) == 0, "the rest is not");
	check(mmio_read64(at + STEP) == UINT64_MAX, "more is there than was ever requested");

	require(requested(&mem, 0), "nothing is not requested");
	require(mem_ask(&mem, VIRTIO_MEM_REQ_UNPLUG, at, 2) == VIRTIO_MEM_RESP_ERROR,
		"a block and a hole go out: %u", mem.response->type);
	require(mem_ask(&mem, VIRTIO_MEM_REQ_UNPLUG, at + 2 * BLOCK, blocks - 1) ==
			VIRTIO_MEM_RESP_ACK,
		"blocks do not go out: %u", mem.response->type);
	check(wrong_pages(at, BLOCK, true) == 0, "the block that stayed is not what it was");
	require(mem_ask(&mem, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0) == VIRTIO_MEM_RESP_ACK,
		"the last does not go out: %u", mem.response->type);
	check(MEM_CONFIG(&mem, plugged_size) == 0, "0x%lx bytes are there",
	      MEM_CONFIG(&mem, plugged_size));

	require(requested(&mem, 16 * MIB), "16 MiB are not requested");
	require(mem_ask(&mem, VIRTIO_MEM_REQ_PLUG, at + 64 * MIB - 8 * BLOCK, 8) ==
			VIRTIO_MEM_RESP_ACK,
		"blocks elsewhere: %u", mem.response->type);
	check(wrong_pages(at + 64 * MIB - 8 * BLOCK, 16 * MIB, false) == 0,
	      "what went out and came in again is not empty");
	/* The host looks once more, and ends the machine. */
	wait_for(false, HOST_MS);
}

static const struct test host_tests[] = {
	{"follow", test_follow},
};

const struct suite suite_mem_host = {"mem-host", host_tests, ARRAY_SIZE(host_tests), NULL};

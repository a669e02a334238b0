/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests that use their memory and follow their balloon until somebody ends them, for tests of who
 * shares memory among machines. All beyond the first 64 MiB is a pool: what is used grows from its
 * start, the balloon from its end, and between them is what the guest calls free. Where there is a
 * memory device, what is plugged in is free, too: from the start of its region, as much as is
 * requested.
 */
#include "balloon.h"

#include "interrupts.h"
#include "io.h"
#include "lib.h"
#include "mem.h"
#include "page.h"
#include "suites.h"

#define F(name)	    FEATURE(VIRTIO_BALLOON_F_##name)
#define POOL_START  (64 * MIB)
#define TIMER_TICKS 20000000 /* of the APIC's bus: some hundredths of a second */
#define IDLE_PAGES  ((uint32_t)(16 * MIB / BALLOON_PAGE))
#define STEP_PAGES  64
#define STEP_LISTS  64
#define BLOCK	    (2 * MIB)
#define STEP_BLOCKS 16

struct user {
	struct balloon balloon;
	uint8_t *pool, *statistics;
	uint32_t pages, used, inside;
	struct mem mem;
	bool grows; /* there is such a device */
	uint64_t plugged;
};

static void touch(const struct user *user, uint32_t first, uint32_t end)
{
	for (uint32_t page = first; page < end; page++)
		*(volatile uint64_t *)(user->pool + page * BALLOON_PAGE) = page;
}

static void give_statistics(struct user *user)
{
	struct virtqueue *queue = &user->balloon.queue[BALLOON_STATISTICS];
	struct buffer buffer = {user->statistics, 30, false};
	uint64_t left = (user->pages - user->used - user->inside) * BALLOON_PAGE + user->plugged;

	balloon_put_statistic(user->statistics, VIRTIO_BALLOON_S_MEMFREE, left);
	balloon_put_statistic(user->statistics + 10, VIRTIO_BALLOON_S_AVAIL, left);
	balloon_put_statistic(user->statistics + 20, VIRTIO_BALLOON_S_MEMTOT,
			      user->pages * BALLOON_PAGE + user->plugged);
	virtqueue_add(queue, &buffer, 1);
	virtqueue_notify(queue);
}

/* As far as what is used allows, some lists at a time. */
static void follow(struct user *user)
{
	uint32_t target = balloon_target(&user->balloon), most = user->pages - user->used;

	if (target > most)
		target = most;
	for (int i = 0; i < STEP_LISTS && target != user->inside; i++) {
		bool inflates = target > user->inside;
		uint32_t count = inflates ? target - user->inside : user->inside - target;
		uint32_t edge;

		if (count > BALLOON_LIST)
			count = BALLOON_LIST;
		if (inflates)
			user->inside += count;
		edge = user->pages - user->inside;
		require(balloon_move(&user->balloon, inflates ? BALLOON_INFLATE : BALLOON_DEFLATE,
				     user->pool + edge * BALLOON_PAGE, count),
			"no answer at %u pages", user->inside);
		if (!inflates)
			user->inside -= count;
		balloon_set_actual(&user->balloon, user->inside);
	}
}

static void find_mem(struct user *user)
{
	user->grows = mem_start(&user->mem);
	if (user->grows)
		page_map(MEM_CONFIG(&user->mem, addr), MEM_CONFIG(&user->mem, region_size));
}

/* Some blocks at a time; each is touched, so that the host has to have it. */
static void follow_mem(struct user *user)
{
	uint64_t start = MEM_CONFIG(&user->mem, addr);

	for (int i = 0; i < STEP_BLOCKS; i++) {
		uint64_t requested = MEM_CONFIG(&user->mem, requested_size);
		bool in = requested > user->plugged;

		if (requested == user->plugged)
			return;
		if (!in)
			user->plugged -= BLOCK;
		require(mem_ask(&user->mem, in ? VIRTIO_MEM_REQ_PLUG : VIRTIO_MEM_REQ_UNPLUG,
				start + user->plugged, 1) == VIRTIO_MEM_RESP_ACK,
			"no block at 0x%lx: %u", user->plugged, user->mem.response->type);
		if (in) {
			for (uint64_t at = 0; at < BLOCK; at += BALLOON_PAGE)
				mmio_write64(start + user->plugged + at, at);
			user->plugged += BLOCK;
		}
	}
}

static void use(bool works, bool refuses)
{
	struct user user = {
		.pool = (uint8_t *)POOL_START,
		.statistics = allocate(4096, 4096),
		.pages = (uint32_t)((memory_ram_end() - POOL_START) / BALLOON_PAGE),
		.used = IDLE_PAGES,
	};
	uint32_t wanted = works ? user.pages / 4 * 3 : IDLE_PAGES;

	/* All of it once, so that the host has it to take back. */
	touch(&user, 0, user.pages);
	require(balloon_start(&user.balloon, F(MUST_TELL_HOST) | F(STATS_VQ) | F(DEFLATE_ON_OOM),
			      0x07, 0),
		"the device does not start");
	find_mem(&user);
	give_statistics(&user);
	print("# uses its memory\n");
	for (;;) {
		uint32_t more = wanted - user.used, left = user.pages - user.used - user.inside;

		if (virtqueue_has_used(&user.balloon.queue[BALLOON_STATISTICS])) {
			virtqueue_take(&user.balloon.queue[BALLOON_STATISTICS], NULL);
			give_statistics(&user);
		}
		if (!refuses)
			follow(&user);
		if (user.grows)
			follow_mem(&user);
		if (more > STEP_PAGES)
			more = STEP_PAGES;
		if (more > left)
			more = left;
		touch(&user, user.used, user.used + more);
		user.used += more;
		apic_timer(TIMER_TICKS);
		sleep_until_interrupt();
	}
}

static void test_idle(void)
{
	use(false, false);
}

static void test_works(void)
{
	use(true, false);
}

static void test_refuses(void)
{
	use(false, true);
}

static const struct test idle[] = {{"for-ever", test_idle}};
static const struct test works[] = {{"for-ever", test_works}};
static const struct test refuses[] = {{"for-ever", test_refuses}};

const struct suite suite_memory_idle = {"memory-idle", idle, 1, NULL};
const struct suite suite_memory_works = {"memory-works", works, 1, NULL};
const struct suite suite_memory_refuses = {"memory-refuses", refuses, 1, NULL};

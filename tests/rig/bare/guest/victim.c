/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "victim.h"

#include "balloon.h"
#include "blk.h"
#include "console.h"
#include "gpu.h"
#include "input.h"
#include "lib.h"
#include "mem.h"
#include "net.h"
#include "rng.h"
#include "test.h"

#include <linux/input-event-codes.h>

static bool blk_works(void)
{
	struct blk blk;

	return blk_start(&blk, BLK_DISK, 0) &&
	       blk_read(&blk, 0, allocate(BLK_SECTOR, BLK_SECTOR), BLK_SECTOR);
}

static bool rng_works(void)
{
	struct rng rng;

	return rng_start(&rng) && rng_fill(&rng, allocate(64, 8), 64) > 0;
}

static bool net_works(void)
{
	struct net net;

	return net_start(&net, 0) && net_arp(&net);
}

/* What was echoed before the reset may come first, and the echo may hold up until it is taken. */
static bool console_works(void)
{
	struct console console;
	struct console_port *echo;
	struct buffer out = {allocate(16, 16), 1, false};
	struct buffer in = {allocate(4096, 16), 4096, true};
	bool came = false;

	if (!console_start(&console))
		return false;
	echo = console_find(&console, CONSOLE_ECHO);
	if (echo == NULL || !console_open(&console, echo))
		return false;
	virtqueue_add(&echo->transmit, &out, 1);
	virtqueue_notify(&echo->transmit);
	while (!came || !virtqueue_has_used(&echo->transmit)) {
		virtqueue_add(&echo->receive, &in, 1);
		virtqueue_notify(&echo->receive);
		if (!wait_for(virtqueue_has_used(&echo->receive), VIRTIO_ANSWER_MS))
			return false;
		virtqueue_take(&echo->receive, NULL);
		came = true;
	}
	return true;
}

static bool gpu_works(void)
{
	struct virtio_gpu_display_one mode;
	struct gpu gpu;

	return gpu_start(&gpu) && gpu_mode(&gpu, 0, &mode) && mode.enabled == 1;
}

static bool input_works(void)
{
	uint8_t name[128];
	struct input input;

	return input_start(&input, INPUT_KEYBOARD) &&
	       input_ask(&input, VIRTIO_INPUT_CFG_ID_NAME, 0, name) > 0 &&
	       input_tell(&input, EV_LED, LED_NUML, 1);
}

static bool balloon_works(void)
{
	struct balloon balloon;
	void *page = allocate(BALLOON_PAGE, BALLOON_PAGE);

	return balloon_start(&balloon, 0, 0x03, 0) &&
	       balloon_move(&balloon, BALLOON_INFLATE, page, 1) &&
	       balloon_move(&balloon, BALLOON_DEFLATE, page, 1);
}

static bool mem_works(void)
{
	struct mem mem;

	return mem_start(&mem) &&
	       mem_ask(&mem, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0) == VIRTIO_MEM_RESP_ACK;
}

#define MULTIPORT FEATURE(VIRTIO_CONSOLE_F_MULTIPORT)

const struct victim victims[] = {
	{"blk", VIRTIO_ID_BLOCK, 0, 0, true, true, blk_works},
	{"rng", VIRTIO_ID_RNG, 0, 0, true, true, rng_works},
	{"net.transmit", VIRTIO_ID_NET, 0, NET_TRANSMIT, true, false, net_works},
	{"net.receive", VIRTIO_ID_NET, 0, NET_RECEIVE, false, true, net_works},
	{"console.transmit", VIRTIO_ID_CONSOLE, MULTIPORT, 1, true, false, console_works},
	{"console.receive", VIRTIO_ID_CONSOLE, MULTIPORT, 0, false, true, console_works},
	{"console.control-out", VIRTIO_ID_CONSOLE, MULTIPORT, 3, true, false, console_works},
	{"console.control-in", VIRTIO_ID_CONSOLE, MULTIPORT, 2, false, true, console_works},
	{"gpu.control", VIRTIO_ID_GPU, 0, GPU_CONTROL, true, true, gpu_works},
	{"gpu.cursor", VIRTIO_ID_GPU, 0, GPU_CURSOR, true, false, gpu_works},
	{"input.events", VIRTIO_ID_INPUT, 0, INPUT_EVENTS, false, true, input_works},
	{"input.status", VIRTIO_ID_INPUT, 0, INPUT_STATUS, true, false, input_works},
	/* Not the queues that take pages: what an attack leaves in a list may be our own. */
	{"balloon.deflate", VIRTIO_ID_BALLOON, 0, BALLOON_DEFLATE, true, false, balloon_works},
	{"balloon.statistics", VIRTIO_ID_BALLOON, FEATURE(VIRTIO_BALLOON_F_STATS_VQ),
	 BALLOON_STATISTICS, false, false, balloon_works},
	{"mem.requests", VIRTIO_ID_MEM, 0, 0, true, false, mem_works},
};
const size_t victims_count = ARRAY_SIZE(victims);

bool victim_is_first(const struct victim *victim)
{
	for (const struct victim *v = victims; v < victim; v++) {
		if (v->type == victim->type)
			return false;
	}
	return true;
}

bool victim_begin(const struct victim *victim, struct virtio *device)
{
	if (!virtio_find(device, victim->type, 0) ||
	    !virtio_negotiate(device, victim->features | FEATURE(VIRTIO_RING_F_INDIRECT_DESC)))
		return false;
	for (uint16_t i = 0; i < device->queues; i++) {
		struct virtqueue *queue;

		if (i == victim->queue || virtio_queue_max(device, i) == 0)
			continue;
		queue = allocate(sizeof(*queue), 16);
		if (!virtqueue_start(queue, device, i))
			return false;
	}
	return true;
}

void victim_end(const struct victim *victim)
{
	struct blk bystander;

	check(blk_start(&bystander, BLK_BYSTANDER, 0) &&
		      blk_read(&bystander, 0, allocate(BLK_SECTOR, BLK_SECTOR), BLK_SECTOR),
	      "the other disk no longer works");
	if (victim->type != VIRTIO_ID_RNG)
		check(rng_works(), "the entropy device no longer works");
	check(victim->works(), "it does not work after a reset");
}

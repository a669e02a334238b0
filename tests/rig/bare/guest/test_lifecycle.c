/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostile: the order of things. Status and features out of turn, queue registers written when they
 * are frozen, queues that do not exist, resets while requests are in flight. For every device.
 */
#include "blk.h"
#include "io.h"
#include "lib.h"
#include "suites.h"
#include "victim.h"

#define QUEUE_SIZE     64
#define BUFFER_BYTES   4096
#define RESET_ROUNDS   8
#define QUIET_MS       5
#define PATTERN	       0xa5
#define WILD	       0x0000700000000000ULL
#define ACK_AND_DRIVER (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)

struct step {
	const char *name;
	void (*run)(const struct victim *victim);
};

struct pair {
	const struct victim *victim;
	const struct step *step;
};

static uint64_t common_of(const struct victim *victim)
{
	struct virtio device;

	return virtio_find(&device, victim->type, 0) ? device.common : 0;
}

/* The device with all its queues, the attacked one holding one plain buffer. */
static bool start(const struct victim *victim, struct virtio *device, struct virtqueue *queue)
{
	struct buffer buffer = {NULL, BUFFER_BYTES, victim->device_writes};

	if (!victim_begin(victim, device))
		return false;
	virtqueue_prepare(queue, device, victim->queue, QUEUE_SIZE);
	buffer.address = allocate(BUFFER_BYTES, 16);
	virtqueue_add(queue, &buffer, 1);
	virtqueue_enable(queue, VIRTIO_MSI_NO_VECTOR);
	return true;
}

static void driver_ok_early(const struct victim *victim)
{
	struct virtio device;
	struct virtqueue queue;

	require(start(victim, &device, &queue), "the device does not start");
	require(virtio_reset(&device), "no reset");
	virtio_set_status(&device, ACK_AND_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK);
	virtqueue_enable(&queue, VIRTIO_MSI_NO_VECTOR);
	virtqueue_notify(&queue);
	wait_for(false, QUIET_MS);
	check(!virtqueue_has_used(&queue), "it uses buffers without FEATURES_OK");
}

static void driver_ok_alone(const struct victim *victim)
{
	struct virtio device;

	require(virtio_find(&device, victim->type, 0), "no device");
	virtio_reset(&device);
	virtio_set_status(&device, VIRTIO_CONFIG_S_DRIVER_OK);
	virtio_set_status(&device, 0xff);
}

static void features_not_offered(const struct victim *victim)
{
	struct virtio device;

	require(virtio_find(&device, victim->type, 0), "no device");
	require(virtio_reset(&device), "no reset");
	virtio_set_status(&device, ACK_AND_DRIVER);
	virtio_write_features(&device, UINT64_MAX);
	virtio_set_status(&device, ACK_AND_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK);
	check(!(virtio_status(&device) & VIRTIO_CONFIG_S_FEATURES_OK),
	      "FEATURES_OK stays though features were not offered");
}

static void features_without_version(const struct victim *victim)
{
	struct virtio device;

	require(virtio_find(&device, victim->type, 0), "no device");
	require(virtio_reset(&device), "no reset");
	virtio_set_status(&device, ACK_AND_DRIVER);
	virtio_write_features(&device, 0);
	virtio_set_status(&device, ACK_AND_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK);
	check(!(virtio_status(&device) & VIRTIO_CONFIG_S_FEATURES_OK),
	      "FEATURES_OK stays without VERSION_1, though the device is not transitional");
}

static void features_select_far(const struct victim *victim)
{
	uint64_t common = common_of(victim);
	static const uint32_t selects[] = {2, 3, 0x80000000, 0xffffffff};

	for (size_t i = 0; i < ARRAY_SIZE(selects); i++) {
		mmio_write32(common + VIRTIO_PCI_COMMON_DFSELECT, selects[i]);
		check(mmio_read32(common + VIRTIO_PCI_COMMON_DF) == 0,
		      "features behind bit 63 are offered");
		mmio_write32(common + VIRTIO_PCI_COMMON_GFSELECT, selects[i]);
		mmio_write32(common + VIRTIO_PCI_COMMON_GF, 0);
	}
}

static void features_after_ok(const struct victim *victim)
{
	struct virtio device;
	struct virtqueue queue;

	require(start(victim, &device, &queue), "the device does not start");
	virtio_driver_ok(&device);
	virtio_write_features(&device, UINT64_MAX);
	virtqueue_notify(&queue);
	wait_for(false, QUIET_MS);
}

/* Registers of a live queue are frozen: the device goes on with what it had, or breaks. */
static void registers_after_ok(const struct victim *victim)
{
	struct virtio device;
	struct virtqueue queue, wild;
	struct buffer buffer = {allocate(BUFFER_BYTES, 16), BUFFER_BYTES, victim->device_writes};

	require(start(victim, &device, &queue), "the device does not start");
	virtio_driver_ok(&device);
	wild = queue;
	wild.desc = (void *)WILD;
	wild.avail = (void *)(WILD + 0x1000);
	wild.used = (void *)(WILD + 0x2000);
	wild.size = 1;
	virtqueue_enable(&wild, 0x7fff);
	virtqueue_add(&queue, &buffer, 1);
	virtqueue_notify(&queue);
	if (victim->prompt)
		check(wait_for(virtqueue_has_used(&queue) || virtio_needs_reset(&device),
			       VIRTIO_ANSWER_MS),
		      "neither goes on with the old ring nor breaks");
}

static void queue_disabled(const struct victim *victim)
{
	struct virtio device;
	struct virtqueue queue;

	require(start(victim, &device, &queue), "the device does not start");
	virtio_driver_ok(&device);
	mmio_write16(device.common + VIRTIO_PCI_COMMON_Q_SELECT, victim->queue);
	mmio_write16(device.common + VIRTIO_PCI_COMMON_Q_ENABLE, 0);
	virtqueue_notify(&queue);
	wait_for(false, QUIET_MS);
}

static void queue_that_is_not(const struct victim *victim)
{
	struct virtio device;
	struct virtqueue queue;
	static const uint16_t indexes[] = {0x7f, 0x100, 0x7fff, 0xffff};

	require(start(victim, &device, &queue), "the device does not start");
	for (size_t i = 0; i < ARRAY_SIZE(indexes); i++) {
		struct virtqueue none = queue;

		check(virtio_queue_max(&device, indexes[i]) == 0, "queue %u has a size",
		      indexes[i]);
		none.index = indexes[i];
		virtqueue_enable(&none, 0);
		check(mmio_read16(device.common + VIRTIO_PCI_COMMON_Q_ENABLE) == 0,
		      "queue %u can be enabled", indexes[i]);
	}
	virtio_driver_ok(&device);
	virtqueue_notify(&queue);
	if (victim->prompt)
		check(wait_for(virtqueue_has_used(&queue) || virtio_needs_reset(&device),
			       VIRTIO_ANSWER_MS),
		      "the queues that exist no longer work");
}

/* Everywhere in the notification structure's page, of every width, live and not. */
static void notify_anything(const struct victim *victim)
{
	struct virtio device;
	struct virtqueue queue;

	require(virtio_find(&device, victim->type, 0), "no device");
	for (int live = 0; live < 2; live++) {
		if (live) {
			require(start(victim, &device, &queue), "the device does not start");
			virtio_driver_ok(&device);
		} else {
			virtio_reset(&device);
		}
		for (uint64_t at = 0; at < 256; at += 2) {
			mmio_write16(device.notify + at, (uint16_t)random_next());
			mmio_write32(device.notify + at, (uint32_t)random_next());
		}
		for (uint16_t index = 0; index < 64; index++)
			mmio_write16(device.notify + index * device.notify_multiplier, index);
		mmio_write16(device.notify, 0xffff);
		mmio_write8(device.notify + 1, 0xff);
		mmio_write64(device.notify, UINT64_MAX);
	}
}

static void driver_ok_again(const struct victim *victim)
{
	struct virtio device;
	struct virtqueue queue;

	require(start(victim, &device, &queue), "the device does not start");
	for (int i = 0; i < 8; i++) {
		virtio_driver_ok(&device);
		virtqueue_notify(&queue);
		virtio_set_status(&device, ACK_AND_DRIVER);
	}
	wait_for(false, QUIET_MS);
}

static void status_at_random(const struct victim *victim)
{
	struct virtio device;
	struct virtqueue queue;

	require(start(victim, &device, &queue), "the device does not start");
	for (int i = 0; i < 200; i++) {
		virtio_set_status(&device, (uint8_t)random_next());
		if (i % 8 == 0)
			virtqueue_enable(&queue, (uint16_t)random_next());
		virtqueue_notify(&queue);
	}
}

static bool filled_with(const uint8_t *bytes, size_t length, uint64_t word)
{
	/* A word of each sector is enough to see what was written to. */
	for (size_t i = 0; i < length; i += 512) {
		if (*(const volatile uint64_t *)(bytes + i) != word)
			return false;
	}
	return true;
}

/* After status reads 0 the device never touches what it was given. */
static void reset_in_flight(const struct victim *victim)
{
	struct virtio device;
	struct virtqueue queue;
	struct blk_request *requests = allocate(sizeof(*requests) * QUEUE_SIZE, 16);
	size_t length = (size_t)QUEUE_SIZE * BUFFER_BYTES;
	uint8_t *buffers = allocate(length, 4096);

	for (unsigned round = 0; round < RESET_ROUNDS; round++) {
		uint64_t mark = memory_mark();

		require(victim_begin(victim, &device), "the device does not start");
		virtqueue_prepare(&queue, &device, victim->queue, QUEUE_SIZE);
		virtqueue_enable(&queue, VIRTIO_MSI_NO_VECTOR);
		virtio_driver_ok(&device);
		for (unsigned i = 0; i < QUEUE_SIZE; i++) {
			struct buffer buffer = {buffers + i * BUFFER_BYTES, BUFFER_BYTES,
						victim->device_writes};

			if (victim->type == VIRTIO_ID_BLOCK)
				blk_submit(&queue, &requests[i],
					   i % 4 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, 8 * i,
					   buffer.address, buffer.length);
			else
				virtqueue_add(&queue, &buffer, 1);
			/* The first notifications let the device run while more is added. */
			if (i < round)
				virtqueue_notify(&queue);
		}
		virtqueue_notify(&queue);
		for (uint64_t spin = random_below(200) * round; spin > 0; spin--)
			cpu_relax();
		require(virtio_reset(&device), "it does not reset with requests in flight");
		memset(buffers, PATTERN, length);
		memset(queue.used, PATTERN, 6 + 8 * QUEUE_SIZE);
		memset(requests, PATTERN, sizeof(*requests) * QUEUE_SIZE);
		wait_for(false, QUIET_MS);
		check(filled_with(buffers, length, 0xa5a5a5a5a5a5a5a5),
		      "round %u: a buffer was written to after the reset", round);
		check(filled_with((uint8_t *)queue.used, 4 + 8 * QUEUE_SIZE - 64,
				  0xa5a5a5a5a5a5a5a5),
		      "round %u: the used ring was written to after the reset", round);
		for (unsigned i = 0; i < QUEUE_SIZE; i++)
			check(*(volatile uint8_t *)&requests[i].status == PATTERN,
			      "round %u: status %u was written after the reset", round, i);
		memory_release(mark);
	}
}

static const struct step steps[] = {
	{"driver-ok-early", driver_ok_early},
	{"driver-ok-alone", driver_ok_alone},
	{"features-not-offered", features_not_offered},
	{"features-without-version", features_without_version},
	{"features-select-far", features_select_far},
	{"features-after-ok", features_after_ok},
	{"registers-after-ok", registers_after_ok},
	{"queue-disabled", queue_disabled},
	{"queue-that-is-not", queue_that_is_not},
	{"notify-anything", notify_anything},
	{"driver-ok-again", driver_ok_again},
	{"status-at-random", status_at_random},
	{"reset-in-flight", reset_in_flight},
};

static void run_step(const void *argument)
{
	const struct pair *pair = argument;

	pair->step->run(pair->victim);
	victim_end(pair->victim);
}

static void run(void)
{
	for (size_t v = 0; v < victims_count; v++) {
		for (size_t s = 0; s < ARRAY_SIZE(steps); s++) {
			struct pair pair = {&victims[v], &steps[s]};
			char name[64];

			format_text(name, sizeof(name), "%s.%s", pair.victim->name,
				    pair.step->name);
			test_run("lifecycle", name, run_step, &pair);
		}
	}
}

const struct suite suite_lifecycle = {.name = "lifecycle", .run = run};

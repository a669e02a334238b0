/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A device with its thread: what the other tests do without. */
#include "tests/unit/host/vmm/virtio/guest.h"
#include "tests/unit/suite.h"

#include <check.h>

struct echo {
	struct virtio_device device;
	atomic_uint served, drained, resets;
};

static struct guest guest;
static struct echo *echo;

static void queue_ready(struct virtio_device *device, unsigned int index)
{
	struct virtqueue_chain chain;

	while (virtio_pop(device, index, &chain)) {
		virtqueue_push(virtio_queue(device, index), chain.head, 0);
		echo->served++;
	}
	virtio_notify(device, index);
}

static void was_reset(struct virtio_device *device)
{
	(void)device;
	echo->resets++;
}

static void was_drained(struct virtio_device *device)
{
	(void)device;
	echo->drained++;
}

static void free_echo(struct virtio_device *device)
{
	virtio_device_release(device);
	free(echo);
}

static const struct virtio_device_ops ops = {
	.name = "echo",
	.id = 42,
	.queue_ready = queue_ready,
	.reset = was_reset,
	.drain = was_drained,
	.free = free_echo,
};

static void set_up(void)
{
	guest_init(&guest);
	echo = calloc(1, sizeof(*echo));
	echo->device = (struct virtio_device){.ops = &ops, .name = "echo", .queues = 1};
	ck_assert_int_eq(virtio_device_init(&echo->device, &guest.memory, 64), 0);
	guest_plug(&guest, &echo->device);
	ck_assert_int_eq(guest.function->ops->start(guest.function), 0);
	ck_assert(guest_bring_up(&guest, 0));
}

static void tear_down(void)
{
	guest_free(&guest);
}

static void kick(void)
{
	struct guest_buffer buffer = {GUEST_BUFFERS_AT, 1, false};

	guest_add(&guest, 0, &buffer, 1);
	guest_write(&guest, VIRTIO_BAR_NOTIFY, 2, 0);
}

static bool serves(unsigned int count)
{
	for (int i = 0; i < 2000 && echo->served < count; i++)
		usleep(1000);
	return echo->served == count;
}

START_TEST(kicks_are_served_by_the_thread)
{
	for (unsigned int i = 1; i <= 200; i++) {
		kick();
		ck_assert(serves(i));
	}
}
END_TEST

START_TEST(a_paused_device_rests)
{
	for (unsigned int i = 1; i <= 20; i++) {
		guest.function->ops->pause(guest.function);
		ck_assert_uint_eq(echo->drained, i);
		kick();
		usleep(2000);
		ck_assert_uint_eq(echo->served, i - 1);
		guest.function->ops->resume(guest.function);
		ck_assert(serves(i));
	}
}
END_TEST

START_TEST(a_paused_device_can_be_reset)
{
	guest.function->ops->pause(guest.function);
	guest.function->ops->pause(guest.function);
	guest.function->ops->reset(guest.function);
	ck_assert_uint_eq(echo->resets, 1);
	guest.function->ops->resume(guest.function);
	guest.function->ops->resume(guest.function);
	ck_assert(guest_bring_up(&guest, 0));
	kick();
	ck_assert(serves(1));
}
END_TEST

START_TEST(a_paused_device_can_be_freed)
{
	guest.function->ops->pause(guest.function);
}
END_TEST

/* The driver resets and starts again while kicks come in: each either counts or is forgotten. */
START_TEST(resets_and_kicks_may_cross)
{
	for (int i = 0; i < 200; i++) {
		kick();
		kick();
		guest_set_status(&guest, 0);
		ck_assert(guest_bring_up(&guest, 0));
	}
	ck_assert_uint_eq(echo->resets, 200);
	ck_assert_uint_le(echo->served, 400);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtio device");
	TCase *tc = tcase_create("device");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, kicks_are_served_by_the_thread);
	tcase_add_test(tc, a_paused_device_rests);
	tcase_add_test(tc, a_paused_device_can_be_reset);
	tcase_add_test(tc, a_paused_device_can_be_freed);
	tcase_add_test(tc, resets_and_kicks_may_cross);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}

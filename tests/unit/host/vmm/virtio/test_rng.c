/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/rng.h"
#include "tests/unit/host/vmm/virtio/guest.h"
#include "tests/unit/suite.h"

#include <check.h>

static struct guest guest;

static void set_up(void)
{
	struct virtio_device *device;

	guest_init(&guest);
	ck_assert_int_eq(virtio_rng_new(&guest.memory, &device), 0);
	guest_plug(&guest, device);
	ck_assert(guest_bring_up(&guest, 0));
}

static void tear_down(void)
{
	guest_free(&guest);
}

START_TEST(all_pieces_are_filled)
{
	struct guest_buffer buffers[] = {{GUEST_BUFFERS_AT, 600, true},
					 {GUEST_BUFFERS_AT + 1000, 600, true}};
	const uint8_t *bytes = guest_at(&guest, GUEST_BUFFERS_AT);
	unsigned int zeroes = 0, between = 0;
	uint32_t id, written;

	guest_add(&guest, 0, buffers, 2);
	guest_kick(&guest, 0);
	ck_assert(guest_take_used(&guest, 0, &id, &written));
	ck_assert_uint_eq(written, 1200);
	for (int i = 0; i < 600; i++)
		zeroes += (bytes[i] == 0) + (bytes[1000 + i] == 0);
	for (int i = 600; i < 1000; i++)
		between += bytes[i] != 0;
	ck_assert_uint_lt(zeroes, 60); /* about 5 of 1200 */
	ck_assert_uint_eq(between, 0);
}
END_TEST

START_TEST(the_rate_has_a_bound)
{
	struct guest_buffer buffer = {GUEST_BUFFERS_AT, 2 * VIRTIO_RNG_BYTES_A_PERIOD, true};
	uint32_t id, written;

	guest_add(&guest, 0, &buffer, 1);
	guest_add(&guest, 0, &buffer, 1);
	guest_kick(&guest, 0);
	ck_assert(guest_take_used(&guest, 0, &id, &written));
	ck_assert_uint_eq(written, VIRTIO_RNG_BYTES_A_PERIOD);
	ck_assert(!guest_take_used(&guest, 0, &id, &written));
	guest_kick(&guest, 0);
	ck_assert(!guest_take_used(&guest, 0, &id, &written));
	usleep(1500 * VIRTIO_RNG_PERIOD_MS);
	guest_run(&guest);
	ck_assert(guest_take_used(&guest, 0, &id, &written));
	ck_assert_uint_eq(written, VIRTIO_RNG_BYTES_A_PERIOD);
}
END_TEST

START_TEST(a_buffer_without_room_gets_nothing)
{
	struct guest_buffer buffer = {GUEST_BUFFERS_AT, 64, false};
	uint32_t id, written;

	guest_add(&guest, 0, &buffer, 1);
	guest_kick(&guest, 0);
	ck_assert(guest_take_used(&guest, 0, &id, &written));
	ck_assert_uint_eq(written, 0);
}
END_TEST

START_TEST(a_malformed_ring_breaks_the_device)
{
	guest_make_available(&guest, 0, UINT16_MAX);
	guest_kick(&guest, 0);
	ck_assert(guest_is_broken(&guest));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtio rng");
	TCase *tc = tcase_create("rng");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, all_pieces_are_filled);
	tcase_add_test(tc, the_rate_has_a_bound);
	tcase_add_test(tc, a_buffer_without_room_gets_nothing);
	tcase_add_test(tc, a_malformed_ring_breaks_the_device);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/virtqueue/guestmem.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>

static uint8_t low[4096], high[4096];
static struct guestmem mem;

static void map_two_regions(void)
{
	mem = (struct guestmem){0};
	ck_assert_int_eq(guestmem_add(&mem, 1ULL << 32, high, sizeof(high)), 0);
	ck_assert_int_eq(guestmem_add(&mem, 0x1000, low, sizeof(low)), 0);
}

START_TEST(addresses_inside_a_region_map)
{
	ck_assert_ptr_eq(guestmem_ptr(&mem, 0x1000, 1), low);
	ck_assert_ptr_eq(guestmem_ptr(&mem, 0x1fff, 1), low + 4095);
	ck_assert_ptr_eq(guestmem_ptr(&mem, 1ULL << 32, 4096), high);
}
END_TEST

/* What a hostile guest tries: before, after, across the end, and sums that wrap. */
static const struct {
	uint64_t gpa;
	size_t len;
} wild[] = {
	{0xfff, 1}, {0x2000, 1}, {0x1fff, 2}, {0x1800, SIZE_MAX}, {UINT64_MAX, 2}, {0, SIZE_MAX},
};

START_TEST(wild_addresses_do_not_map)
{
	ck_assert_ptr_null(guestmem_ptr(&mem, wild[_i].gpa, wild[_i].len));
}
END_TEST

START_TEST(overlaps_and_empty_pieces_are_refused)
{
	ck_assert_int_eq(guestmem_add(&mem, 0x1fff, low, 1), -EINVAL);
	ck_assert_int_eq(guestmem_add(&mem, 0x0, low, 0x1001), -EINVAL);
	ck_assert_int_eq(guestmem_add(&mem, 0x8000, low, 0), -EINVAL);
	ck_assert_int_eq(guestmem_add(&mem, UINT64_MAX, low, 2), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guestmem");
	TCase *tc = tcase_create("guestmem");

	tcase_add_checked_fixture(tc, map_two_regions, NULL);
	tcase_add_test(tc, addresses_inside_a_region_map);
	tcase_add_loop_test(tc, wild_addresses_do_not_map, 0, sizeof(wild) / sizeof(wild[0]));
	tcase_add_test(tc, overlaps_and_empty_pieces_are_refused);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slots of KVM's are the bare rig's (tests/rig/bare, mem). */
#include "host/vmm/plug_region.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>

#define START (16ULL << 20)
#define LATER (256ULL << 20)

static struct guest_memory memory;
static struct guestmem map;
static struct plug_region region;

static void set_up(void)
{
	map = (struct guestmem){0};
	ck_assert_int_eq(guest_memory_new(&memory, &map, START, LATER), 0);
	plug_region_init(&region, NULL, &memory);
}

static void tear_down(void)
{
	guest_memory_free(&memory);
}

START_TEST(it_is_what_memory_has_beyond_its_start)
{
	ck_assert_uint_eq(region.gpa, LAYOUT_HIGH_RAM);
	ck_assert_uint_eq(region.size_bytes, LATER);
	ck_assert_uint_eq(region.chunk_bytes, 128ULL << 20);
}
END_TEST

/* KVM has few slots, and the largest region is 1 TiB. */
START_TEST(chunks_are_few)
{
	struct guest_memory large = {.size_bytes = 1ULL << 40, .start_bytes = 1ULL << 30};

	plug_region_init(&region, NULL, &large);
	ck_assert_uint_eq(region.chunk_bytes, 16ULL << 30);
	ck_assert_uint_eq(region.gpa, LAYOUT_HIGH_RAM);
}
END_TEST

START_TEST(what_kvm_refuses_is_not_there)
{
	ck_assert_int_eq(plug_region_reach(&region, 0), 0);
	ck_assert_int_eq(plug_region_reach(&region, 1), -ENOSYS);
	ck_assert_uint_eq(region.chunks, 0);
}
END_TEST

START_TEST(its_pieces_are_given_back)
{
	uint8_t *first = memory.mapping + START, *last = first + LATER - 1;

	memory.mapping[START - 1] = *first = *last = 1;
	ck_assert_int_eq(plug_region_give_back(&region, 0, 2 << 20), 0);
	ck_assert_uint_eq(memory.mapping[START - 1], 1);
	ck_assert_uint_eq(*first, 0);
	ck_assert_uint_eq(*last, 1);
	ck_assert_int_eq(plug_region_give_back(&region, LATER - (2 << 20), 2 << 20), 0);
	ck_assert_uint_eq(*last, 0);
	ck_assert_int_eq(plug_region_give_back(&region, LATER, 4096), -ERANGE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plug_region");
	TCase *tc = tcase_create("plug_region");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, it_is_what_memory_has_beyond_its_start);
	tcase_add_test(tc, chunks_are_few);
	tcase_add_test(tc, what_kvm_refuses_is_not_there);
	tcase_add_test(tc, its_pieces_are_given_back);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}

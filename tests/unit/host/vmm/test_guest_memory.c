/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/guest_memory.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct guest_memory memory;
static struct guestmem map;

static void none(void)
{
	memory = (struct guest_memory){.fd = -1};
	map = (struct guestmem){0};
}

static void release(void)
{
	guest_memory_free(&memory);
}

START_TEST(small_memory_is_one_region)
{
	ck_assert_int_eq(guest_memory_new(&memory, &map, 64 << 20, 0), 0);
	ck_assert_uint_eq(map.count, 1);
	ck_assert_ptr_nonnull(guestmem_ptr(&map, 0, 64 << 20));
	ck_assert_ptr_null(guestmem_ptr(&map, 64 << 20, 1));
}
END_TEST

/* Nothing is touched, so the host does not need to have as much free. */
START_TEST(large_memory_leaves_a_hole_below_4_gib)
{
	uint64_t size = LAYOUT_LOW_RAM_END + (512 << 20);

	if ((uint64_t)sysconf(_SC_PHYS_PAGES) * 4096 < size)
		return;
	ck_assert_int_eq(guest_memory_new(&memory, &map, size, 0), 0);
	ck_assert_uint_eq(map.count, 2);
	ck_assert_ptr_nonnull(guestmem_ptr(&map, LAYOUT_LOW_RAM_END - 1, 1));
	ck_assert_ptr_null(guestmem_ptr(&map, LAYOUT_LOW_RAM_END - 1, 2));
	ck_assert_ptr_null(guestmem_ptr(&map, LAYOUT_ECAM, 1));
	ck_assert_ptr_null(guestmem_ptr(&map, LAYOUT_HIGH_RAM - 1, 1));
	ck_assert_ptr_eq(guestmem_ptr(&map, LAYOUT_HIGH_RAM, 1),
			 memory.mapping + LAYOUT_LOW_RAM_END);
	ck_assert_ptr_nonnull(guestmem_ptr(&map, LAYOUT_HIGH_RAM + (512 << 20) - 1, 1));
	ck_assert_ptr_null(guestmem_ptr(&map, LAYOUT_HIGH_RAM + (512 << 20), 1));
}
END_TEST

START_TEST(more_than_the_host_has_is_refused)
{
	uint64_t size = (uint64_t)sysconf(_SC_PHYS_PAGES) * 4096 + (1 << 20);

	ck_assert_int_eq(guest_memory_new(&memory, &map, size, 0), -ENOMEM);
}
END_TEST

START_TEST(cleared_memory_is_zero)
{
	uint8_t *byte;

	ck_assert_int_eq(guest_memory_new(&memory, &map, 16 << 20, 0), 0);
	byte = guestmem_ptr(&map, 0x123456, 1);
	*byte = 1;
	ck_assert_int_eq(guest_memory_clear(&memory), 0);
	ck_assert_uint_eq(*byte, 0);
}
END_TEST

START_TEST(what_is_given_back_is_the_hosts_again)
{
	uint64_t before, after;
	uint8_t *bytes;

	ck_assert_int_eq(guest_memory_new(&memory, &map, 16 << 20, 0), 0);
	bytes = guestmem_ptr(&map, 0, 16 << 20);
	memset(bytes, 1, 8 << 20);
	ck_assert_int_eq(guest_memory_resident(&memory, &before), 0);
	ck_assert_uint_ge(before, 8 << 20);
	ck_assert_int_eq(guest_memory_give_back(&memory, 1 << 20, 6 << 20), 0);
	ck_assert_int_eq(guest_memory_resident(&memory, &after), 0);
	ck_assert_uint_le(after, before - (6 << 20));
	ck_assert_uint_eq(bytes[(1 << 20) - 1], 1);
	ck_assert_uint_eq(bytes[1 << 20], 0);
	ck_assert_uint_eq(bytes[(7 << 20) - 1], 0);
	ck_assert_uint_eq(bytes[7 << 20], 1);
}
END_TEST

START_TEST(what_is_pinned_stays)
{
	uint8_t *bytes;

	ck_assert_int_eq(guest_memory_new(&memory, &map, 16 << 20, 0), 0);
	bytes = guestmem_ptr(&map, 0, 16 << 20);
	bytes[0] = 1;
	guest_memory_pin(&memory);
	guest_memory_pin(&memory);
	guest_memory_unpin(&memory);
	ck_assert_int_eq(guest_memory_give_back(&memory, 0, 4096), -EBUSY);
	ck_assert_uint_eq(bytes[0], 1);
	guest_memory_unpin(&memory);
	ck_assert_int_eq(guest_memory_give_back(&memory, 0, 4096), 0);
	ck_assert_uint_eq(bytes[0], 0);
}
END_TEST

START_TEST(only_what_is_there_can_be_given_back)
{
	ck_assert_int_eq(guest_memory_new(&memory, &map, 16 << 20, 0), 0);
	ck_assert_int_eq(guest_memory_give_back(&memory, 16 << 20, 4096), -ERANGE);
	ck_assert_int_eq(guest_memory_give_back(&memory, UINT64_MAX - 4095, 8192), -ERANGE);
	ck_assert_int_eq(guest_memory_give_back(&memory, 4096, 16 << 20), -ERANGE);
	ck_assert_int_eq(guest_memory_give_back(&memory, 0, 16 << 20), 0);
}
END_TEST

/* What comes later is in the memory, and in no map of what is there from the start. */
START_TEST(memory_that_is_plugged_in_lies_above)
{
	ck_assert_int_eq(guest_memory_new(&memory, &map, 16 << 20, 128 << 20), 0);
	ck_assert_uint_eq(memory.start_bytes, 16 << 20);
	ck_assert_uint_eq(memory.size_bytes, 144 << 20);
	ck_assert_uint_eq(map.count, 1);
	ck_assert_ptr_null(guestmem_ptr(&map, 16 << 20, 1));
	ck_assert_int_eq(guest_memory_give_back(&memory, 16 << 20, 128 << 20), 0);
}
END_TEST

START_TEST(nothing_above_ram_clashes)
{
	static const uint64_t sizes[] = {16ULL << 20, 3ULL << 30, 5ULL << 30, 40ULL << 30};
	static const uint64_t later[] = {0, 128ULL << 20, 100ULL << 30};

	for (size_t i = 0; i < 4; i++) {
		uint64_t high = sizes[i] > LAYOUT_LOW_RAM_END ? sizes[i] - LAYOUT_LOW_RAM_END : 0;
		uint64_t at = guest_memory_plug_address(sizes[i]);

		ck_assert_uint_ge(at, LAYOUT_HIGH_RAM + high);
		ck_assert_uint_eq(at % LAYOUT_PLUG_ALIGNMENT, 0);
		for (size_t j = 0; j < 3; j++) {
			uint64_t bars = guest_memory_high_bars(sizes[i], later[j]);

			ck_assert_uint_ge(bars, at + later[j]);
			ck_assert_uint_eq(bars % LAYOUT_HIGH_BARS_MAX, 0);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest_memory");
	TCase *tc = tcase_create("guest_memory");

	tcase_add_checked_fixture(tc, none, release);
	tcase_add_test(tc, small_memory_is_one_region);
	tcase_add_test(tc, large_memory_leaves_a_hole_below_4_gib);
	tcase_add_test(tc, more_than_the_host_has_is_refused);
	tcase_add_test(tc, cleared_memory_is_zero);
	tcase_add_test(tc, what_is_given_back_is_the_hosts_again);
	tcase_add_test(tc, what_is_pinned_stays);
	tcase_add_test(tc, only_what_is_there_can_be_given_back);
	tcase_add_test(tc, memory_that_is_plugged_in_lies_above);
	tcase_add_test(tc, nothing_above_ram_clashes);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/mem_blocks.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>

#define COUNT 333

static struct mem_blocks blocks;

static void set_up(void)
{
	ck_assert_int_eq(mem_blocks_init(&blocks, COUNT), 0);
}

static void tear_down(void)
{
	mem_blocks_free(&blocks);
}

START_TEST(none_is_plugged_in_at_first)
{
	ck_assert(mem_blocks_all(&blocks, 0, COUNT, false));
	ck_assert(!mem_blocks_all(&blocks, 0, 1, true));
	ck_assert_uint_eq(blocks.plugged, 0);
}
END_TEST

START_TEST(a_range_is_what_it_is)
{
	mem_blocks_set(&blocks, 60, 70, true);
	ck_assert_uint_eq(blocks.plugged, 70);
	ck_assert(mem_blocks_all(&blocks, 60, 70, true));
	ck_assert(!mem_blocks_all(&blocks, 59, 71, true));
	ck_assert(!mem_blocks_all(&blocks, 59, 71, false));
	ck_assert(mem_blocks_all(&blocks, 0, 60, false));
	ck_assert(mem_blocks_all(&blocks, 130, COUNT - 130, false));
	mem_blocks_set(&blocks, 64, 1, false);
	ck_assert(!mem_blocks_all(&blocks, 60, 70, true));
	ck_assert_uint_eq(blocks.plugged, 69);
}
END_TEST

/* Against a list of bytes, which needs no masks. */
START_TEST(it_agrees_with_a_list)
{
	bool list[COUNT] = {false};

	srand(1);
	for (int i = 0; i < 2000; i++) {
		size_t first = (size_t)rand() % COUNT, count = (size_t)rand() % (COUNT - first + 1);
		bool plugged = rand() % 2, all = true;
		size_t sum = 0;

		for (size_t at = first; at < first + count; at++)
			all &= list[at] == plugged;
		ck_assert_int_eq(mem_blocks_all(&blocks, first, count, plugged), all);
		mem_blocks_set(&blocks, first, count / 2, plugged);
		for (size_t at = first; at < first + count / 2; at++)
			list[at] = plugged;
		for (size_t at = 0; at < COUNT; at++)
			sum += list[at];
		ck_assert_uint_eq(blocks.plugged, sum);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mem_blocks");
	TCase *tc = tcase_create("mem_blocks");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, none_is_plugged_in_at_first);
	tcase_add_test(tc, a_range_is_what_it_is);
	tcase_add_test(tc, it_agrees_with_a_list);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}

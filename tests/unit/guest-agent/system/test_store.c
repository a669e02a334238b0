/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/store.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct store store;

START_TEST(texts_are_kept_until_there_is_no_room)
{
	struct slice first = store_text(&store, "%d and %s", 1, "one");
	unsigned int kept = 0;

	while (store_text(&store, "%01000d", 0).length == 1000)
		kept++;
	ck_assert(slice_is(first, "1 and one"));
	ck_assert_uint_eq(kept, (STORE_BYTES - 9) / 1000);
	ck_assert_uint_le(store.used, STORE_BYTES);
}
END_TEST

START_TEST(a_list_that_does_not_fit_is_cut_between_items)
{
	struct store_items items = store_items_begin(&store);
	struct cbor_reader reader;
	struct slice list;
	uint64_t count = 0;

	while (store_items_add_text(&items, slice_of("0123456789")) && count < 100000)
		count++;
	list = store_items_end(&items);
	reader = CBOR_READER(list);
	ck_assert_uint_eq(cbor_get_array(&reader), count);
	ck_assert_uint_gt(count, 1000);
	while (count-- > 0)
		ck_assert(slice_is(cbor_get_text(&reader), "0123456789"));
	ck_assert_int_eq(cbor_finish(&reader), 0);
	ck_assert_uint_le(store.used, STORE_BYTES);
}
END_TEST

START_TEST(in_a_full_store_lists_are_empty)
{
	struct store_items items;

	store.used = STORE_BYTES - 3;
	items = store_items_begin(&store);
	ck_assert(!store_items_add_text(&items, slice_of("x")));
	ck_assert_uint_eq(store_items_end(&items).length, 0);
}
END_TEST

START_TEST(a_line_is_read_without_its_end)
{
	char text[8];

	ck_assert_int_eq(read_line("/proc/sys/kernel/ostype", text, sizeof(text)), 5);
	ck_assert_str_eq(text, "Linux");
	ck_assert_int_eq(read_line("/proc/sys/kernel/ostype", text, 3), 2);
	ck_assert_int_eq(read_line("/there/is/none", text, sizeof(text)), -ENOENT);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("store");

	tcase_add_test(tc, texts_are_kept_until_there_is_no_room);
	tcase_add_test(tc, a_list_that_does_not_fit_is_cut_between_items);
	tcase_add_test(tc, in_a_full_store_lists_are_empty);
	tcase_add_test(tc, a_line_is_read_without_its_end);
	return suite_run_case("store", tc);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/notice_queue.h"

#include <stdio.h>

#include "tests/unit/suite.h"

static struct notice_queue notices;

static void begin(void)
{
	notice_queue_init(&notices);
}

static void end(void)
{
	notice_queue_clear(&notices);
}

START_TEST(they_come_out_in_their_order)
{
	notice_queue_add(&notices, NOTICE_NAME, 1, "a");
	notice_queue_add(&notices, NOTICE_ATTRIBUTES, 1, NULL);
	notice_queue_add(&notices, NOTICE_NAME, 2, "a");
	ck_assert_uint_eq(notices.count, 3);
	ck_assert_int_eq(notices.first->kind, NOTICE_NAME);
	ck_assert_uint_eq(notices.first->node, 1);
	ck_assert_str_eq(notices.first->name, "a");
	ck_assert_uint_eq(notices.first->length, 1);
	notice_queue_drop_first(&notices);
	ck_assert_int_eq(notices.first->kind, NOTICE_ATTRIBUTES);
	ck_assert_str_eq(notices.first->name, "");
	notice_queue_drop_first(&notices);
	ck_assert_uint_eq(notices.first->node, 2);
	notice_queue_drop_first(&notices);
	ck_assert_ptr_null(notices.first);
	notice_queue_add(&notices, NOTICE_DATA, 5, NULL);
	ck_assert_uint_eq(notices.first->node, 5);
}
END_TEST

START_TEST(equal_ones_are_one)
{
	for (int i = 0; i < 10 * NOTICE_QUEUE_MAX; i++) {
		notice_queue_add(&notices, NOTICE_NAME, 1, "a");
		notice_queue_add(&notices, i == 7 ? NOTICE_DATA : NOTICE_ATTRIBUTES, 1, NULL);
	}
	ck_assert_uint_eq(notices.count, 2);
	ck_assert(!notices.all);
	notice_queue_drop_first(&notices);
	/* Contents are more than attributes. */
	ck_assert_int_eq(notices.first->kind, NOTICE_DATA);
	notice_queue_drop_first(&notices);
	/* Told once, another time is another notice. */
	notice_queue_add(&notices, NOTICE_NAME, 1, "a");
	ck_assert_uint_eq(notices.count, 1);
}
END_TEST

START_TEST(too_many_are_all)
{
	char name[16];

	for (int i = 0; i < NOTICE_QUEUE_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		notice_queue_add(&notices, NOTICE_NAME, 1, name);
	}
	ck_assert_uint_eq(notices.count, NOTICE_QUEUE_MAX);
	ck_assert(!notices.all);
	notice_queue_add(&notices, NOTICE_NAME, 1, "one more");
	ck_assert(notices.all);
	notice_queue_drop_first(&notices);
	notice_queue_add(&notices, NOTICE_NAME, 1, "and more");
	ck_assert_uint_eq(notices.count, NOTICE_QUEUE_MAX - 1);
	notices.all = false;
	notice_queue_add(&notices, NOTICE_NAME, 1, "and more");
	ck_assert_uint_eq(notices.count, NOTICE_QUEUE_MAX);
	ck_assert(!notices.all);
	notice_queue_clear(&notices);
	ck_assert(!notices.all);
	notice_queue_add(&notices, NOTICE_NAME, 1, "again");
	ck_assert_uint_eq(notices.count, 1);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("notice_queue");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, they_come_out_in_their_order);
	tcase_add_test(tests, equal_ones_are_one);
	tcase_add_test(tests, too_many_are_all);
	return suite_run_case("notice_queue", tests);
}

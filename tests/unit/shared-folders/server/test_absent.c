/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/absent.h"

#include "tests/unit/suite.h"

START_TEST(names_are_remembered_until_they_are_not_believed)
{
	struct absent *absent = absent_new();
	uint64_t folder;
	char name[256];

	ck_assert_ptr_nonnull(absent);
	ck_assert(!absent_take(absent, &folder, name));
	ck_assert(absent_add(absent, 1, "a", 0, 10));
	ck_assert(absent_add(absent, 2, "b", 5, 15));
	/* The first is not believed any more. */
	ck_assert(absent_add(absent, 3, "c", 10, 20));
	ck_assert(absent_take(absent, &folder, name));
	ck_assert_uint_eq(folder, 2);
	ck_assert_str_eq(name, "b");
	ck_assert(absent_take(absent, &folder, name));
	ck_assert_uint_eq(folder, 3);
	ck_assert(!absent_take(absent, &folder, name));
	absent_free(absent);
}
END_TEST

START_TEST(what_is_not_remembered_may_not_be_believed)
{
	struct absent *absent = absent_new();

	ck_assert_ptr_nonnull(absent);
	for (int i = 0; i < ABSENT_MAX; i++)
		ck_assert(absent_add(absent, 1, "a", 0, 10));
	ck_assert(!absent_add(absent, 1, "b", 9, 19));
	ck_assert(absent_add(absent, 1, "b", 10, 20));
	absent_free(absent);
	absent_free(NULL);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("absent");

	tcase_add_test(tests, names_are_remembered_until_they_are_not_believed);
	tcase_add_test(tests, what_is_not_remembered_may_not_be_believed);
	return suite_run_case("absent", tests);
}

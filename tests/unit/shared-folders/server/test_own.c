/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/own.h"

#include "tests/unit/suite.h"

START_TEST(what_was_done_is_known_for_a_while)
{
	static struct own own;

	ck_assert(!own_has(&own, 1, NULL, 0));
	own_did(&own, 1, NULL, 100);
	ck_assert(own_has(&own, 1, NULL, 100));
	ck_assert(own_has(&own, 1, NULL, 99 + OWN_KEEP_MS));
	ck_assert(!own_has(&own, 1, NULL, 100 + OWN_KEEP_MS));
	ck_assert(!own_has(&own, 1, "a", 100));
	ck_assert(!own_has(&own, 2, NULL, 100));
	own_did(&own, 1, "a", 100);
	ck_assert(own_has(&own, 1, "a", 100));
	ck_assert(!own_has(&own, 1, "b", 100));
	ck_assert(own_has(&own, 1, NULL, 100));
}
END_TEST

/* Too much to remember: the last is known, and what is not is not made up. */
START_TEST(it_forgets)
{
	static struct own own;
	int known = 0;

	for (uint64_t node = 1; node <= 100000; node++)
		own_did(&own, node, NULL, 5);
	ck_assert(own_has(&own, 100000, NULL, 5));
	for (uint64_t node = 1; node <= 100000; node++)
		known += own_has(&own, node, NULL, 5);
	ck_assert_int_le(known, OWN_PLACES);
	ck_assert_int_gt(known, OWN_PLACES / 2);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("own");

	tcase_add_test(tests, what_was_done_is_known_for_a_while);
	tcase_add_test(tests, it_forgets);
	return suite_run_case("own", tests);
}

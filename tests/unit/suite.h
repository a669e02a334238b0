/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How every test program ends. */
#ifndef LODGE_UNIT_SUITE_H
#define LODGE_UNIT_SUITE_H

#include <check.h>

/* Run @suite, which goes with it. Return: main()'s. */
static inline int suite_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

/* Run a suite of one test case. Return: main()'s. */
static inline int suite_run_case(const char *name, TCase *tests)
{
	Suite *suite = suite_create(name);

	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

#endif

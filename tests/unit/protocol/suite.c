/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/protocol/suite.h"

#include <malloc.h>

int suite_run(const char *name, TCase *tests)
{
	Suite *suite = suite_create(name);
	SRunner *runner;
	int failed;

	/* Sessions come and go by the thousand: their memory need not go back to the kernel. */
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

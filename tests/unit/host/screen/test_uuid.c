/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/uuid.h"
#include "tests/unit/suite.h"

#include <check.h>

START_TEST(names_have_one)
{
	char text[UUID_TEXT], other[UUID_TEXT];

	uuid_of_name("host", "vm", text);
	/* As others compute it, of the name space and "host\\0vm". */
	ck_assert_str_eq(text, "6b232621-9bd8-540b-ad20-5bdc0a56004c");
	uuid_of_name("host", "vm2", other);
	ck_assert_str_ne(text, other);
	uuid_of_name("hostv", "m", other);
	ck_assert_str_ne(text, other);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("uuid");

	tcase_add_test(tests, names_have_one);
	return suite_run_case("uuid", tests);
}

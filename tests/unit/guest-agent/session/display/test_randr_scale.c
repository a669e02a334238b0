/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/display/randr_scale.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>

static void edit(const char *from, uint32_t scale, const char *to)
{
	char *edited = randr_scale_edit(from, scale);

	ck_assert_str_eq(edited, to);
	ck_assert_uint_eq(randr_scale_parse(edited), scale);
	free(edited);
}

START_TEST(the_scale_is_that_of_the_dots)
{
	ck_assert_uint_eq(randr_scale_parse(""), 1000);
	ck_assert_uint_eq(randr_scale_parse("Xft.dpi:\t96\n"), 1000);
	ck_assert_uint_eq(randr_scale_parse("Xcursor.size: 24\nXft.dpi: 192"), 2000);
	ck_assert_uint_eq(randr_scale_parse("Xft.dpi:\tno\n"), 1000);
	ck_assert_uint_eq(randr_scale_parse("Xft.dpi:\t99999999999999999999\n"), 1000);
	ck_assert_uint_eq(randr_scale_parse("NotXft.dpi:\t192\n"), 1000);
}
END_TEST

START_TEST(the_other_resources_stay)
{
	edit("", 2000, "Xft.dpi:\t192\n");
	edit("a: 1", 1500, "a: 1\nXft.dpi:\t144\n");
	edit("a: 1\nXft.dpi:\t96\nb: 2\n", 1250, "a: 1\nXft.dpi:\t120\nb: 2\n");
	edit("Xft.dpi: 192", 1000, "Xft.dpi:\t96\n");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("randr_scale");

	tcase_add_test(tc, the_scale_is_that_of_the_dots);
	tcase_add_test(tc, the_other_resources_stay);
	return suite_run_case("randr_scale", tc);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/table.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>

static char *printed(const char *const *cells, size_t count)
{
	static const char *const titles[] = {"NAME", "STATE"};
	struct table table;
	size_t length;
	char *text;
	FILE *file = open_memstream(&text, &length);

	ck_assert_int_eq(table_init(&table, titles, 2), 0);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(table_add(&table, cells[i]), 0);
	table_print(&table, file);
	table_end(&table);
	fclose(file);
	return text;
}

START_TEST(columns_are_as_wide_as_needed)
{
	static const char *const cells[] = {"a", "running", "longer-name", ""};
	char *text = printed(cells, 4);

	ck_assert_str_eq(text, "NAME         STATE\n"
			       "a            running\n"
			       "longer-name  -\n");
	free(text);
}
END_TEST

START_TEST(characters_count_and_escapes_do_not_pass)
{
	static const char *const cells[] = {"m\xc3\xbcll", "x\033[2J"};
	char *text = printed(cells, 2);

	ck_assert_str_eq(text, "NAME  STATE\n"
			       "m\xc3\xbcll  x?[2J\n");
	free(text);
}
END_TEST

START_TEST(a_table_of_titles_alone)
{
	char *text = printed(NULL, 0);

	ck_assert_str_eq(text, "NAME  STATE\n");
	free(text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("table");

	tcase_add_test(tc, columns_are_as_wide_as_needed);
	tcase_add_test(tc, characters_count_and_escapes_do_not_pass);
	tcase_add_test(tc, a_table_of_titles_alone);
	return suite_run_case("table", tc);
}

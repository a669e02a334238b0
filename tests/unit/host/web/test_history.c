/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/web/history.h"

#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct history *history;

static void set_up(void)
{
	history = history_new();
	ck_assert_ptr_nonnull(history);
}

static void tear_down(void)
{
	history_free(history);
}

static void add(const char *text)
{
	history_add(history, strdup(text), strlen(text));
}

static void add_numbers(unsigned int count)
{
	char text[16];

	for (unsigned int i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "%u", (unsigned int)history_next(history));
		add(text);
	}
}

/* To be freed. */
static char *since(uint64_t number)
{
	char *text = NULL;
	size_t length = 0;
	FILE *file = open_memstream(&text, &length);

	ck_assert_ptr_nonnull(file);
	history_write(history, number, file);
	fclose(file);
	return text;
}

static void check_since(uint64_t number, const char *expected)
{
	char *text = since(number);

	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(what_is_newer_is_written)
{
	check_since(0, "");
	ck_assert_uint_eq(history_next(history), 1);
	add("a");
	add("b");
	add("c");
	ck_assert_uint_eq(history_next(history), 4);
	check_since(0, "a,b,c");
	check_since(1, "b,c");
	check_since(2, "c");
	check_since(3, "");
	check_since(UINT64_MAX - 1, "");
}
END_TEST

START_TEST(old_points_go)
{
	char *text;

	add_numbers(HISTORY_POINTS + 5);
	text = since(0);
	ck_assert(strncmp(text, "6,7,", 4) == 0);
	free(text);
	check_since(HISTORY_POINTS + 3, "904,905");
}
END_TEST

START_TEST(large_points_make_room)
{
	enum { LARGE = HISTORY_MAX_BYTES / 4 };
	char *text;

	for (int i = 0; i < 10; i++) {
		char *large = malloc(LARGE + 1);

		ck_assert_ptr_nonnull(large);
		memset(large, 'a' + i, LARGE);
		large[LARGE] = '\0';
		history_add(history, large, LARGE);
	}
	text = since(0);
	ck_assert_int_eq(text[0], 'g');
	ck_assert_uint_eq(strlen(text), 4U * LARGE + 3);
	free(text);
	add("z");
	text = since(0);
	ck_assert_int_eq(text[0], 'h');
	free(text);
	check_since(10, "z");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("history");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, what_is_newer_is_written);
	tcase_add_test(tests, old_points_go);
	tcase_add_test(tests, large_points_make_room);
	return suite_run_case("history", tests);
}

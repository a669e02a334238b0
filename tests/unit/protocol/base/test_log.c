/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/log.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int said = -EBADF; /* what goes to standard error can be read here */
static int saved_stderr;

static void catch_stderr(void)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	saved_stderr = dup(STDERR_FILENO);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	said = ends[0];
	unsetenv("JOURNAL_STREAM");
	unsetenv("LODGE_DEBUG");
}

static void release_stderr(void)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(said);
}

static void expect_said(const char *expected)
{
	char text[4096] = "";
	ssize_t length = read(said, text, sizeof(text) - 1);

	if (length < 0)
		length = 0;
	text[length] = '\0';
	ck_assert_str_eq(text, expected);
}

START_TEST(a_line_names_the_program)
{
	log_setup("lodge-test", LOG_LEVEL_WARNING);
	log_error("cannot open %s: %s", "x", error_text(-ENOENT));
	expect_said("lodge-test: cannot open x: No such file or directory\n");
	log_warning("w");
	expect_said("lodge-test: w\n");
	log_info("not shown");
	log_debug("not shown");
	expect_said("");
}
END_TEST

START_TEST(debug_is_shown_when_asked_for)
{
	setenv("LODGE_DEBUG", "1", 1);
	log_setup("t", LOG_LEVEL_ERROR);
	log_debug("d");
	expect_said("t: d\n");
}
END_TEST

START_TEST(the_journal_gets_levels)
{
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_setup("t", LOG_LEVEL_INFO);
	log_error("e");
	log_info("i");
	expect_said("<3>e\n<6>i\n");
}
END_TEST

static const struct {
	const char *text, *shown;
} hostile[] = {
	{"a\nb\tc", "a?b?c"},
	{"\x1b[2J", "?[2J"},
	{"\x7f", "?"},
	{"\x9b"
	 "2J",
	 "?2J"},	    /* CSI in one byte */
	{"\xc2\x9b", "??"}, /* and as a character */
	{"Gr\xc3\xbc\xc3\x9f", "Gr\xc3\xbc\xc3\x9f"},
	{"\xf0\x9f\x8f\xa0", "\xf0\x9f\x8f\xa0"},
	{"\xc3", "?"},		 /* cut */
	{"\xed\xa0\x80", "???"}, /* a surrogate */
	{"\xc0\x8a", "??"},	 /* a newline in two bytes */
};

START_TEST(nothing_said_drives_a_terminal)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "t: %s\n", hostile[_i].shown);
	log_setup("t", LOG_LEVEL_INFO);
	log_info("%s", hostile[_i].text);
	expect_said(expected);
}
END_TEST

START_TEST(a_long_line_is_cut_and_ends)
{
	char text[3000], line[4096];
	ssize_t length;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_setup("t", LOG_LEVEL_INFO);
	log_info("%s", text);
	length = read(said, line, sizeof(line));
	ck_assert_int_gt(length, 2000);
	ck_assert_int_lt(length, 2100);
	ck_assert_int_eq(line[length - 1], '\n');
}
END_TEST

START_TEST(errors_have_words)
{
	ck_assert_str_eq(error_text(EACCES), "Permission denied");
	ck_assert_str_eq(error_text(-EACCES), "Permission denied");
	ck_assert_str_eq(error_text(99999), "unknown error");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, catch_stderr, release_stderr);
	tcase_add_test(tc, a_line_names_the_program);
	tcase_add_test(tc, debug_is_shown_when_asked_for);
	tcase_add_test(tc, the_journal_gets_levels);
	tcase_add_loop_test(tc, nothing_said_drives_a_terminal, 0,
			    sizeof(hostile) / sizeof(hostile[0]));
	tcase_add_test(tc, a_long_line_is_cut_and_ends);
	tcase_add_test(tc, errors_have_words);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}

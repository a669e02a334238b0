/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/arguments/arguments.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

static struct options {
	bool on, off;
	const char *text;
	int descriptor;
	size_t length;
} options;
static char error[128];

static int take_word(struct arguments *arguments, const char *value)
{
	struct options *mine = arguments->options;

	if (strcmp(value, "no") == 0)
		return arguments_refuse(arguments, "--word '%s' is refused", value);
	if (strcmp(value, "none") == 0)
		return -ENOMEM;
	mine->length = strlen(value);
	return 0;
}

static const struct argument table[] = {
	{"on", ARGUMENT_ON, offsetof(struct options, on), NULL},
	{"off", ARGUMENT_OFF, offsetof(struct options, off), NULL},
	{"text", ARGUMENT_TEXT, offsetof(struct options, text), NULL},
	{"fd", ARGUMENT_DESCRIPTOR, offsetof(struct options, descriptor), NULL},
	{"word", ARGUMENT_OTHER, 0, take_word},
	{0},
};

#define parse(...)                                                                                 \
	parse_all((char *const[]){"program", __VA_ARGS__, NULL},                                   \
		  ARRAY_SIZE(((char *const[]){"program", __VA_ARGS__})))

static int parse_all(char *const words[], size_t count)
{
	struct arguments arguments = {&options, error, sizeof(error)};

	options = (struct options){.off = true, .descriptor = -1};
	error[0] = '\0';
	return arguments_parse(&arguments, table, (int)count, words);
}

START_TEST(each_kind_sets_its_field)
{
	ck_assert_int_eq(parse("--fd", "7", "--text=a b", "--on", "--word", "four", "--off"), 0);
	ck_assert(options.on);
	ck_assert(!options.off);
	ck_assert_str_eq(options.text, "a b");
	ck_assert_int_eq(options.descriptor, 7);
	ck_assert_uint_eq(options.length, 4);
}
END_TEST

START_TEST(what_is_not_given_stays)
{
	ck_assert_int_eq(parse("--text", ""), 0);
	ck_assert(!options.on);
	ck_assert(options.off);
	ck_assert_str_eq(options.text, "");
	ck_assert_int_eq(options.descriptor, -1);
}
END_TEST

static const struct {
	const char *words[2], *error;
} bad[] = {
	{{"--fd", "-1"}, "--fd '-1' is no descriptor"},
	{{"--fd", "2147483648"}, "--fd '2147483648' is no descriptor"},
	{{"--fd", "x"}, "--fd 'x' is no descriptor"},
	{{"--on", "--text"}, "--text needs a value; see --help"},
	{{"--on", "--unknown"}, "unknown option '--unknown'; see --help"},
	{{"--on", "word"}, "unexpected argument 'word'; see --help"},
	{{"--word", "no"}, "--word 'no' is refused"},
};

START_TEST(what_is_wrong_is_said)
{
	ck_assert_int_eq(parse((char *)bad[_i].words[0], (char *)bad[_i].words[1]), -EINVAL);
	ck_assert_str_eq(error, bad[_i].error);
}
END_TEST

START_TEST(other_failures_are_passed_on)
{
	ck_assert_int_eq(parse("--word", "none"), -ENOMEM);
	ck_assert_str_eq(error, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("arguments");
	TCase *tc = tcase_create("arguments");

	tcase_add_test(tc, each_kind_sets_its_field);
	tcase_add_test(tc, what_is_not_given_stays);
	tcase_add_loop_test(tc, what_is_wrong_is_said, 0, ARRAY_SIZE(bad));
	tcase_add_test(tc, other_failures_are_passed_on);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}

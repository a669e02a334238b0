/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/options.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static int nothing(const struct command *command, int argc, char **argv)
{
	(void)command;
	(void)argc;
	(void)argv;
	return 0;
}

static const struct command any = {
	.name = "any", .operands = "", .summary = "", .operands_max = -1, .run = nothing};
static const struct command remote = {.name = "remote",
				      .operands = "VM COMMAND...",
				      .summary = "",
				      .operands_min = 2,
				      .operands_max = -1,
				      .options_end = 2,
				      .usage_status = 125,
				      .run = nothing};

static struct {
	bool flag;
	const char *text;
	struct option_list list;
	uint64_t number, size;
	int status, argc;
	char **argv;
	char *words[16];
} got;

/* Parses the words, NULL-terminated. */
static bool parse(const struct command *command, const char *const *words)
{
	const struct option_spec specs[] = {
		{"flag", 'f', OPTION_FLAG, NULL, "", &got.flag, 0, 0},
		{"text", 't', OPTION_TEXT, "T", "", &got.text, 0, 0},
		{"list", 0, OPTION_LIST, "L", "", &got.list, 0, 0},
		{"number", 'n', OPTION_NUMBER, "N", "", &got.number, 2, 16},
		{"size", 's', OPTION_SIZE, "S", "", &got.size, 0, 0},
	};

	memset(&got, 0, sizeof(got));
	got.words[got.argc++] = (char *)command->name;
	for (; *words; words++)
		got.words[got.argc++] = (char *)*words;
	got.argv = got.words;
	return options_parse(command, specs, ARRAY_SIZE(specs), &got.argc, &got.argv, &got.status);
}

#define PARSE(command, ...) parse(command, (const char *const[]){__VA_ARGS__, NULL})

START_TEST(each_kind_takes_its_value)
{
	ck_assert(PARSE(&any, "-f", "--text=a", "--list", "x", "--list", "y", "-n", "16", "-s",
			"512M"));
	ck_assert(got.flag);
	ck_assert_str_eq(got.text, "a");
	ck_assert_uint_eq(got.list.count, 2);
	ck_assert_str_eq(got.list.items[1], "y");
	ck_assert_uint_eq(got.number, 16);
	ck_assert_uint_eq(got.size, 512ULL << 20);
	ck_assert_int_eq(got.argc, 0);
}
END_TEST

START_TEST(operands_and_options_mix)
{
	ck_assert(PARSE(&any, "one", "-f", "two", "--", "-n"));
	ck_assert(got.flag);
	ck_assert_int_eq(got.argc, 3);
	ck_assert_str_eq(got.argv[0], "one");
	ck_assert_str_eq(got.argv[1], "two");
	ck_assert_str_eq(got.argv[2], "-n");
}
END_TEST

static const char *const wrong[][4] = {
	{"--nonsense"}, {"-z"},	       {"-n"},		 {"-n", "17"}, {"-n", "1"},
	{"-n", "4x"},	{"-n", "-4"},  {"-s", "12Q"},	 {"-s", ""},   {"-s", "99999999999T"},
	{"--flag=yes"}, {"--number="}, {"a", "-n", "b"},
};

START_TEST(wrong_usage_is_refused)
{
	ck_assert(!parse(&any, wrong[_i]));
	ck_assert_int_eq(got.status, EXIT_USAGE);
}
END_TEST

START_TEST(options_of_a_remote_command_are_its_own)
{
	ck_assert(PARSE(&remote, "vm", "ls", "-f", "--nonsense"));
	ck_assert(!got.flag);
	ck_assert_int_eq(got.argc, 4);
	ck_assert_str_eq(got.argv[2], "-f");

	ck_assert(PARSE(&remote, "vm", "-f", "--", "ls", "-n"));
	ck_assert(got.flag);
	ck_assert_int_eq(got.argc, 3);
	ck_assert_str_eq(got.argv[1], "ls");

	ck_assert(PARSE(&remote, "-f", "vm", "--", "--", "x"));
	ck_assert_int_eq(got.argc, 3);
	ck_assert_str_eq(got.argv[1], "--");
}
END_TEST

START_TEST(operands_are_counted)
{
	ck_assert(!PARSE(&remote, "vm"));
	ck_assert_int_eq(got.status, 125);
}
END_TEST

START_TEST(help_ends_with_success)
{
	ck_assert(!PARSE(&remote, "--help"));
	ck_assert_int_eq(got.status, EXIT_DONE);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("options");

	tcase_add_test(tc, each_kind_takes_its_value);
	tcase_add_test(tc, operands_and_options_mix);
	tcase_add_loop_test(tc, wrong_usage_is_refused, 0, ARRAY_SIZE(wrong));
	tcase_add_test(tc, options_of_a_remote_command_are_its_own);
	tcase_add_test(tc, operands_are_counted);
	tcase_add_test(tc, help_ends_with_success);
	return suite_run_case("options", tc);
}

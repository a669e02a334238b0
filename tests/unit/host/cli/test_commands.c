/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/command.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *typed, *meant;
} typed[] = {
	{"stpo", "stop"},      {"exce", "exec"},    {"sop", "stop"},
	{"consol", "console"}, {"reume", "resume"}, {"lss", "ls"},
};

START_TEST(slips_are_understood)
{
	const struct command *command = command_suggest(typed[_i].typed);

	ck_assert_ptr_nonnull(command);
	ck_assert_str_eq(command->name, typed[_i].meant);
}
END_TEST

static const char *const nonsense[] = {
	"",
	"frobnicate",
	"xy",
	"a-word-that-is-longer-than-any-command-could-be",
};

START_TEST(nonsense_is_not)
{
	ck_assert_ptr_null(command_suggest(nonsense[_i]));
}
END_TEST

START_TEST(every_command_can_be_found_and_says_what_it_does)
{
	for (size_t i = 0; commands[i]; i++) {
		ck_assert_ptr_eq(command_find(commands[i]->name), commands[i]);
		ck_assert_uint_gt(strlen(commands[i]->summary), 0);
		ck_assert_ptr_nonnull(commands[i]->operands);
	}
	ck_assert_ptr_null(command_find("frobnicate"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("commands");

	tcase_add_loop_test(tc, slips_are_understood, 0, ARRAY_SIZE(typed));
	tcase_add_loop_test(tc, nonsense_is_not, 0, ARRAY_SIZE(nonsense));
	tcase_add_test(tc, every_command_can_be_found_and_says_what_it_does);
	return suite_run_case("commands", tc);
}

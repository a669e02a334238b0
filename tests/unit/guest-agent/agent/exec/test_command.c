/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/exec/command.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct account account = {
	.name = (char *)"alice",
	.home = (char *)"/home/alice",
	.shell = (char *)"/bin/zsh",
	.uid = 1000,
};
static uint8_t argv_bytes[512], environment_bytes[512];

static struct slice items(uint8_t *bytes, const char *const *texts)
{
	struct cbor_writer writer = {.bytes = bytes, .capacity = 512};
	uint64_t count = 0;

	while (texts[count])
		count++;
	cbor_put_array(&writer, count);
	for (uint64_t i = 0; i < count; i++)
		cbor_put_bytes(&writer, slice_of(texts[i]));
	return cbor_written(&writer);
}

#define ARGV(...)	 items(argv_bytes, (const char *const[]){__VA_ARGS__, NULL})
#define ENVIRONMENT(...) items(environment_bytes, (const char *const[]){__VA_ARGS__, NULL})

static bool has(char **list, const char *text)
{
	for (; *list; list++) {
		if (strcmp(*list, text) == 0)
			return true;
	}
	return false;
}

START_TEST(a_program_is_looked_up_in_the_path)
{
	const struct exec_params params = {.argv = ARGV("ls", "-l"),
					   .environment = ENVIRONMENT("PATH=/a::/b", "X=1", "X=2")};
	struct command command;
	const char *text;

	ck_assert_int_eq(command_parse(&params, &account, &command, &text), 0);
	ck_assert_str_eq(command.argv[1], "-l");
	ck_assert_ptr_null(command.argv[2]);
	ck_assert_str_eq(command.candidates[0], "/a/ls");
	ck_assert_str_eq(command.candidates[1], "/b/ls");
	ck_assert_ptr_null(command.candidates[2]);
	ck_assert(has(command.environment, "X=2"));
	ck_assert(!has(command.environment, "X=1"));
	ck_assert(has(command.environment, "HOME=/home/alice"));
	ck_assert(has(command.environment, "SHELL=/bin/zsh"));
	ck_assert_str_eq(command.directory, "/home/alice");
	ck_assert(!command.directory_given);
	command_clear(&command);
}
END_TEST

START_TEST(a_path_is_taken_as_it_is)
{
	const struct exec_params params = {.argv = ARGV("./x"), .directory = slice_of("/srv")};
	struct command command;
	const char *text;

	ck_assert_int_eq(command_parse(&params, &account, &command, &text), 0);
	ck_assert_str_eq(command.candidates[0], "./x");
	ck_assert_ptr_null(command.candidates[1]);
	ck_assert_str_eq(command.directory, "/srv");
	ck_assert(command.directory_given);
	command_clear(&command);
}
END_TEST

START_TEST(a_login_shell_is_named_so)
{
	const struct exec_params params = {.shell = true, .terminal = true, .term = slice_of("vt")};
	struct command command;
	const char *text;

	ck_assert_int_eq(command_parse(&params, &account, &command, &text), 0);
	ck_assert_str_eq(command.argv[0], "-zsh");
	ck_assert_str_eq(command.candidates[0], "/bin/zsh");
	ck_assert(has(command.environment, "TERM=vt"));
	command_clear(&command);
}
END_TEST

START_TEST(nonsense_is_refused_with_words)
{
	static const struct {
		const char *argv, *environment;
		int error;
	} bad[] = {{NULL, NULL, -EBADMSG},
		   {"", NULL, -EINVAL},
		   {"x", "=v", -EINVAL},
		   {"x", "novalue", -EINVAL}};
	struct command command;
	const char *text;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct exec_params params = {0};

		if (bad[i].argv)
			params.argv = ARGV(bad[i].argv);
		if (bad[i].environment)
			params.environment = ENVIRONMENT(bad[i].environment);
		ck_assert_int_eq(command_parse(&params, &account, &command, &text), bad[i].error);
		ck_assert_ptr_nonnull(text);
		ck_assert_ptr_null(command.argv);
	}
}
END_TEST

/* Items that are no bytes, or that hold a NUL. */
START_TEST(wrong_items_are_refused)
{
	struct exec_params params = {0};
	struct cbor_writer writer = CBOR_WRITER(argv_bytes);
	struct command command;
	const char *text;

	cbor_put_array(&writer, 1);
	cbor_put_uint(&writer, 5);
	params.argv = cbor_written(&writer);
	ck_assert_int_eq(command_parse(&params, &account, &command, &text), -EBADMSG);
	writer = CBOR_WRITER(argv_bytes);
	cbor_put_array(&writer, 1);
	cbor_put_bytes(&writer, (struct slice){(const uint8_t *)"a\0b", 3});
	params.argv = cbor_written(&writer);
	ck_assert_int_eq(command_parse(&params, &account, &command, &text), -EBADMSG);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("command");

	tcase_add_test(tc, a_program_is_looked_up_in_the_path);
	tcase_add_test(tc, a_path_is_taken_as_it_is);
	tcase_add_test(tc, a_login_shell_is_named_so);
	tcase_add_test(tc, nonsense_is_refused_with_words);
	tcase_add_test(tc, wrong_items_are_refused);
	return suite_run_case("command", tc);
}

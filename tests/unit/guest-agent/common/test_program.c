/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/common/program.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct service first = {.name = "first", .summary = "one"};
static const struct service second = {.name = "second", .summary = "two"};
static const struct service *const services[] = {&first, &second, NULL};
static const struct option options[] = {{"path", required_argument, NULL, 'p'}, PROGRAM_OPTIONS};
static const char *path;

static void take(void *owner, int option, char *argument)
{
	ck_assert_ptr_eq(owner, &path);
	ck_assert_int_eq(option, 'p');
	path = argument;
}

static struct program_command_line line;

static int parse(int argc, char **argv)
{
	line = (struct program_command_line){
		.name = "program",
		.usage = "Usage: program\n",
		.exit_status = "Exit status: 0",
		.options = options,
		.services = services,
		.take = take,
		.owner = &path,
	};
	optind = 0;
	return program_parse(&line, argc, argv);
}

#define PARSE(...)                                                                                 \
	parse(sizeof((const char *[]){"program", __VA_ARGS__}) / sizeof(char *),                   \
	      (char *[]){"program", __VA_ARGS__, NULL})

START_TEST(own_options_are_handed_on)
{
	ck_assert_int_eq(PARSE("--path", "there"), -1);
	ck_assert_str_eq(path, "there");
	ck_assert_ptr_null(line.disabled[0]);
}
END_TEST

START_TEST(services_are_disabled_once_each)
{
	ck_assert_int_eq(PARSE("--disable", "second", "--disable=first", "--disable", "second"),
			 -1);
	ck_assert_str_eq(line.disabled[0], "second");
	ck_assert_str_eq(line.disabled[1], "first");
	ck_assert_ptr_null(line.disabled[2]);
}
END_TEST

START_TEST(wrong_use_is_told)
{
	ck_assert_int_eq(PARSE("--disable", "third"), PROGRAM_EXIT_USAGE);
	ck_assert_int_eq(PARSE("--nothing"), PROGRAM_EXIT_USAGE);
	ck_assert_int_eq(PARSE("--path"), PROGRAM_EXIT_USAGE);
	ck_assert_int_eq(PARSE("word"), PROGRAM_EXIT_USAGE);
}
END_TEST

START_TEST(help_and_version_end_it)
{
	ck_assert_int_eq(PARSE("--help"), EXIT_SUCCESS);
	ck_assert_int_eq(PARSE("--version"), EXIT_SUCCESS);
}
END_TEST

/* --- Services ------------------------------------------------------------------------------- */

static int begun, ended;

static int start_well(const struct service_context *context, void **state)
{
	(void)context;
	begun++;
	*state = &begun;
	return 0;
}

static int start_badly(const struct service_context *context, void **state)
{
	(void)context;
	(void)state;
	return -ENOTSUP;
}

static void stop(void *state)
{
	ck_assert_ptr_eq(state, &begun);
	ended++;
}

START_TEST(one_that_cannot_start_is_left_out)
{
	static const struct service well = {.name = "well", .start = start_well, .stop = stop};
	static const struct service badly = {.name = "badly", .start = start_badly, .stop = stop};
	static const struct service also = {.name = "also", .start = start_well, .stop = stop};
	static const struct service off = {.name = "off", .start = start_well, .stop = stop};
	static const struct service *const table[] = {&well, &badly, &off, &also, NULL};
	static const char *const disabled[] = {"off", NULL};
	struct service_set set = {0};

	service_set_start(&set, table, disabled, NULL);
	ck_assert_uint_eq(set.count, 2);
	ck_assert_str_eq(set.capabilities[0], "well");
	ck_assert_str_eq(set.capabilities[1], "also");
	ck_assert_ptr_null(set.capabilities[2]);
	service_set_stop(&set);
	ck_assert_int_eq(begun, 2);
	ck_assert_int_eq(ended, 2);
	ck_assert_uint_eq(set.count, 0);
}
END_TEST

/* --- Signals -------------------------------------------------------------------------------- */

START_TEST(signals_stop_the_loop)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	uv_signal_t signals[PROGRAM_SIGNALS];
	uv_loop_t loop;

	uv_loop_init(&loop);
	program_watch_signals(&loop, signals);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		raise(numbers[i]);
		ck_assert_int_ne(uv_run(&loop, UV_RUN_DEFAULT), 0);
	}
	program_ignore_signals(signals);
	ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("program");

	tcase_add_test(tc, own_options_are_handed_on);
	tcase_add_test(tc, services_are_disabled_once_each);
	tcase_add_test(tc, wrong_use_is_told);
	tcase_add_test(tc, help_and_version_end_it);
	tcase_add_test(tc, one_that_cannot_start_is_left_out);
	tcase_add_test(tc, signals_stop_the_loop);
	return suite_run_case("program", tc);
}

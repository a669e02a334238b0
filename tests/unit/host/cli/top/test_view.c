/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/text.h"
#include "host/cli/top/view.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static struct snapshot_vm vms[40];
static struct snapshot host;

static void setup(void)
{
	memset(vms, 0, sizeof(vms));
	for (size_t i = 0; i < 40; i++) {
		vms[i] = (struct snapshot_vm){
			.state = "running",
			.memory = "followed",
			.maximum = GIB,
			.actual = GIB / 2,
			.target = GIB / 2,
			.working_set = GIB / 4,
			.cpu_part = 0.125,
			.rate = {10 * MIB, 0, 1536, -1},
		};
		snprintf(vms[i].name, sizeof(vms[i].name), "vm%02zu", i);
	}
	host = (struct snapshot){
		.policy = "on",
		.cpus = 4,
		.cpu_part = 2,
		.total = 16 * GIB,
		.available = 4 * GIB,
		.reserve = GIB,
		.charged = 8 * GIB,
		.budget = 14 * GIB,
		.pressure = 0.002,
		.vms = vms,
		.count = 2,
	};
}

static char *drawn(size_t columns, size_t rows)
{
	const struct view_look look = {.columns = columns, .rows = rows};
	char *text = view_draw(&host, &look);

	ck_assert_ptr_nonnull(text);
	return text;
}

static const char *line_of(char *text, size_t number)
{
	for (; number > 0; number--)
		text = strchr(text, '\n') + 1;
	text[strcspn(text, "\n")] = '\0';
	return text;
}

START_TEST(all_columns)
{
	char *text = drawn(128, 0);

	ck_assert_str_eq(
		text, "2 VMs   host: 4 CPUs, 50% busy\n"
		      "memory [########====....] 12.0G of 16.0G used, VMs 8.00G, reserve 1.00G, "
		      "pressure 0.2%\n"
		      "sharing of memory: on, for VMs 14.0G\n"
		      "NAME STATE      CPU% MEMORY                           ACTUAL    MAX TARGET "
		      "WORKING  PRESS READ/s WRITE/s   RX/s   TX/s BALANCE  \n"
		      "vm00 running    12.5 ########========................   512M  1.00G   512M "
		      "   256M   0.0%  10.0M      0B  1.50K      - followed \n"
		      "vm01 running    12.5 ########========................   512M  1.00G   512M "
		      "   256M   0.0%  10.0M      0B  1.50K      - followed \n");
	free(text);
}
END_TEST

START_TEST(eighty_columns_show_what_matters)
{
	char *text = drawn(80, 0), *copy = strdup(text);

	ck_assert_ptr_nonnull(strstr(line_of(text, 3), "MEMORY"));
	ck_assert_str_eq(
		line_of(copy, 4),
		"vm00 running    12.5 ##===....   512M  1.00G   0.0%  10.0M      0B  1.50K      -");
	free(text);
	free(copy);
}
END_TEST

/* Whatever the size of the window is, nothing runs over its edges. */
START_TEST(never_over_the_edge)
{
	size_t columns = (size_t)_i, rows = (size_t)_i % 30 + 1, lines = 0;
	char *text, *line, *rest;

	host.count = 40;
	snprintf(vms[3].name, sizeof(vms[3].name), "%0200d", 7);
	text = drawn(columns, rows);
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL && (*line || rest)) {
		ck_assert_uint_le(text_width(line), columns);
		lines++;
	}
	ck_assert_uint_le(lines, rows);
	free(text);
}
END_TEST

START_TEST(many_vms_are_moved_through)
{
	struct view_look look = {.columns = 100, .rows = 10, .first = 7};
	char *text;

	host.count = 40;
	ck_assert_uint_eq(view_capacity(&look), 5);
	text = view_draw(&host, &look);
	ck_assert_ptr_nonnull(strstr(text, "\nvm07 "));
	ck_assert_ptr_nonnull(strstr(text, "\nvm11 "));
	ck_assert_ptr_null(strstr(text, "\nvm12 "));
	ck_assert_ptr_nonnull(strstr(text, "8-12 of 40, by name"));
	free(text);
	/* Beyond the end there is nothing to see. */
	look.first = 1000;
	text = view_draw(&host, &look);
	ck_assert_ptr_nonnull(strstr(text, "36-40 of 40"));
	ck_assert_ptr_nonnull(strstr(text, "\nvm39 "));
	free(text);
}
END_TEST

static const struct {
	uint64_t maximum, actual, working, target;
	const char *bar;
} bars[] = {
	{1000, 500, 200, 500, "##===....."},
	{1000, 500, 200, 800, "##===..|.."}, /* it is to grow */
	{1000, 800, 200, 500, "##==|===.."}, /* it is to give back */
	{1000, 1000, 1000, 1000, "##########"},
	{1000, 0, 0, 0, "=========="},	     /* without a balloon it has all */
	{1000, 500, 900, 500, "#####....."}, /* no guest works with more than it has */
	{1000, 5000, 10, 9000, "=========="},
	{0, 0, 0, 0, ".........."},
	{1000, 500, 0, 1, "|====....."},
};

START_TEST(a_bar)
{
	const struct snapshot_vm vm = {.maximum = bars[_i].maximum,
				       .actual = bars[_i].actual,
				       .working_set = bars[_i].working,
				       .target = bars[_i].target};
	char bar[11];

	view_bar(&vm, bar, 10);
	ck_assert_str_eq(bar, bars[_i].bar);
	view_bar(&vm, bar, 0);
	ck_assert_str_eq(bar, "");
}
END_TEST

static const struct {
	uint64_t bytes;
	const char *text;
} sizes[] = {
	{0, "0B"},	     {1023, "1023B"},		{1024, "1.00K"}, {1536 * MIB, "1.50G"},
	{700 * MIB, "700M"}, {UINT64_MAX, "16777216T"},
};

START_TEST(a_size)
{
	char text[16];

	ck_assert_str_eq(view_size(sizes[_i].bytes, text), sizes[_i].text);
}
END_TEST

START_TEST(nothing_is_known)
{
	char *text;

	vms[0] = (struct snapshot_vm){.name = "new",
				      .state = "starting",
				      .cpu_part = -1,
				      .pressure = -1,
				      .rate = {-1, -1, -1, -1}};
	host = (struct snapshot){.vms = vms, .count = 1, .cpu_part = -1, .pressure = -1};
	text = drawn(80, 0);
	ck_assert_str_eq(line_of(text, 1), "memory: not known");
	free(text);
	text = drawn(80, 0);
	ck_assert_str_eq(
		line_of(text, 4),
		"new  starting      - -              -      -      -      -       -      -      -");
	free(text);
}
END_TEST

START_TEST(no_vm)
{
	char *text;

	host.count = 0;
	text = drawn(80, 24);
	ck_assert_ptr_nonnull(strstr(text, "0 VMs "));
	ck_assert_ptr_nonnull(strstr(text, "'lodge run' starts one"));
	free(text);
}
END_TEST

START_TEST(an_emergency_is_said)
{
	char *text;

	host.emergency = 2;
	text = drawn(100, 0);
	ck_assert_str_eq(line_of(text, 2),
			 "EMERGENCY: the host runs short of memory; cache is taken back");
	free(text);
	host.emergency = 99;
	text = drawn(100, 0);
	ck_assert_ptr_nonnull(strstr(text, "EMERGENCY"));
	free(text);
}
END_TEST

/* Without its colours a picture in colour is the plain one. */
START_TEST(colors_take_no_column)
{
	const struct view_look look = {.columns = 100, .rows = 24, .color = true};
	char *colored, *plain = drawn(100, 24), *to, *from;

	vms[0].pressure = 0.5;
	free(plain);
	plain = drawn(100, 24);
	colored = view_draw(&host, &look);
	ck_assert_ptr_nonnull(strstr(colored, "\033[31m50.0%\033[0m"));
	for (to = from = colored; *from; from++) {
		if (*from == '\033')
			from = strchr(from, 'm');
		else
			*to++ = *from;
	}
	*to = '\0';
	ck_assert_str_eq(colored, plain);
	free(colored);
	free(plain);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("view");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, all_columns);
	tcase_add_test(tc, eighty_columns_show_what_matters);
	tcase_add_loop_test(tc, never_over_the_edge, 0, 200);
	tcase_add_test(tc, many_vms_are_moved_through);
	tcase_add_loop_test(tc, a_bar, 0, sizeof(bars) / sizeof(bars[0]));
	tcase_add_loop_test(tc, a_size, 0, sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_test(tc, nothing_is_known);
	tcase_add_test(tc, no_vm);
	tcase_add_test(tc, an_emergency_is_said);
	tcase_add_test(tc, colors_take_no_column);
	return suite_run_case("view", tc);
}

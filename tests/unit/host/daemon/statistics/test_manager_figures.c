/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/statistics/manager_figures.h"

#include "tests/unit/suite.h"

#include <check.h>

#define MIB (1ULL << 20)

static struct memory_member_config config;
static struct memory_member_view view;
static struct figures figures;

static void set_up(void)
{
	config = (struct memory_member_config){.maximum_bytes = 512 * MIB,
					       .minimum_bytes = 128 * MIB};
	view = (struct memory_member_view){
		.config = &config,
		.decision.target_bytes = 300 * MIB,
		.seen = {.actual_bytes = 320 * MIB, .resident_bytes = 310 * MIB},
		.sample = {.available_bytes = 100 * MIB, .stall_us = 7},
		.source = MEMORY_FROM_AGENT,
		.used_bytes = 200 * MIB,
		.cache_bytes = 50 * MIB,
	};
	figures = (struct figures){0};
}

START_TEST(one_that_is_new_has_its_settings)
{
	manager_figures_take(&view, &figures);
	ck_assert_uint_eq(figures.value[VM_MEMORY_MAXIMUM], 512 * MIB);
	ck_assert_uint_eq(figures.value[VM_MEMORY_MINIMUM], 128 * MIB);
	ck_assert_uint_eq(figures.value[VM_MEMORY_TARGET], 300 * MIB);
	ck_assert(!figures_have(&figures, VM_MEMORY_ACTUAL));
	ck_assert(!figures_have(&figures, VM_MEMORY_AVAILABLE));
}
END_TEST

START_TEST(all_is_told)
{
	view.observed = view.sampled = true;
	manager_figures_take(&view, &figures);
	ck_assert_uint_eq(figures.value[VM_MEMORY_ACTUAL], 320 * MIB);
	ck_assert_uint_eq(figures.value[VM_MEMORY_RESIDENT], 310 * MIB);
	ck_assert_uint_eq(figures.value[VM_MEMORY_AVAILABLE], 100 * MIB);
	ck_assert_uint_eq(figures.value[VM_MEMORY_CACHE], 50 * MIB);
	ck_assert_uint_eq(figures.value[VM_MEMORY_WORKING_SET], 200 * MIB);
	ck_assert_uint_eq(figures.value[VM_MEMORY_STALL_TIME], 7000);
}
END_TEST

START_TEST(a_balloon_knows_no_pressure)
{
	view.observed = view.sampled = true;
	view.source = MEMORY_FROM_BALLOON;
	manager_figures_take(&view, &figures);
	ck_assert(figures_have(&figures, VM_MEMORY_AVAILABLE));
	ck_assert(!figures_have(&figures, VM_MEMORY_STALL_TIME));
}
END_TEST

START_TEST(one_that_is_only_watched_has_no_target)
{
	config.watched = true;
	view.observed = true;
	manager_figures_take(&view, &figures);
	ck_assert(!figures_have(&figures, VM_MEMORY_TARGET));
	ck_assert(!figures_have(&figures, VM_MEMORY_MINIMUM));
	ck_assert(figures_have(&figures, VM_MEMORY_ACTUAL));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("manager figures");

	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, one_that_is_new_has_its_settings);
	tcase_add_test(tests, all_is_told);
	tcase_add_test(tests, a_balloon_knows_no_pressure);
	tcase_add_test(tests, one_that_is_only_watched_has_no_target);
	return suite_run_case("manager figures", tests);
}

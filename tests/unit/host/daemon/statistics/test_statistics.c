/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/statistics/statistics.h"

#include "host/daemon/backend.h"
#include "host/daemon/lodged.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <string.h>

struct listener {
	struct statistics_waiter waiter;
	unsigned int called;
};

static struct lodged lodged;
static struct vm vm;
static struct statistics_round *held; /* by the VM's backend */
static unsigned int counted;

static void count(struct vm *of, struct statistics_round *round)
{
	ck_assert_ptr_eq(of, &vm);
	counted++;
	held = statistics_hold(round);
}

static const struct backend played = {.name = "played", .count = count};

static void heard(struct statistics_waiter *waiter)
{
	CONTAINER_OF(waiter, struct listener, waiter)->called++;
}

static void set_up(void)
{
	memset(&lodged, 0, sizeof(lodged));
	memset(&vm, 0, sizeof(vm));
	held = NULL;
	counted = 0;
	ck_assert_int_eq(uv_loop_init(&lodged.loop), 0);
	lodged.statistics = statistics_new(&lodged);
	ck_assert_ptr_nonnull(lodged.statistics);
	vm.lodged = &lodged;
	vm.backend = &played;
	vm.state = VM_RUNNING;
	vm.options.cpus = 3;
}

static void tear_down(void)
{
	statistics_free(lodged.statistics);
	uv_run(&lodged.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&lodged.loop), 0);
}

static void wait_for(const struct listener *listener)
{
	while (!listener->called)
		uv_run(&lodged.loop, UV_RUN_ONCE);
}

START_TEST(who_asks_is_answered_later)
{
	struct listener one = {.waiter.done = heard}, other = {.waiter.done = heard};

	statistics_ask(lodged.statistics, &one.waiter);
	statistics_ask(lodged.statistics, &other.waiter);
	ck_assert_uint_eq(one.called, 0);
	wait_for(&one);
	ck_assert_uint_eq(one.called, 1);
	ck_assert_uint_eq(other.called, 1);
	ck_assert(figures_have(statistics_of_host(lodged.statistics), HOST_TIME));
	/* And again. */
	statistics_ask(lodged.statistics, &one.waiter);
	one.called = 0;
	wait_for(&one);
}
END_TEST

START_TEST(a_round_waits_for_a_vm)
{
	struct listener one = {.waiter.done = heard}, late = {.waiter.done = heard};

	lodged.vms = &vm;
	statistics_ask(lodged.statistics, &one.waiter);
	uv_run(&lodged.loop, UV_RUN_NOWAIT);
	uv_run(&lodged.loop, UV_RUN_NOWAIT);
	ck_assert_ptr_nonnull(held);
	ck_assert_uint_eq(one.called, 0);
	/* The same round serves who comes now. */
	statistics_ask(lodged.statistics, &late.waiter);
	ck_assert_uint_eq(counted, 1);
	figures_set(&vm.figures, VM_CPU_TIME, 5);
	statistics_release(held);
	ck_assert_uint_eq(one.called, 1);
	ck_assert_uint_eq(late.called, 1);
	ck_assert_uint_eq(vm.figures.value[VM_PROCESSORS], 3);
}
END_TEST

START_TEST(a_vm_that_is_silent_is_not_waited_for)
{
	struct listener one = {.waiter.done = heard};

	lodged.vms = &vm;
	statistics_ask(lodged.statistics, &one.waiter);
	wait_for(&one);
	/* Its answer comes in the end, to nobody. */
	statistics_release(held);
	ck_assert_uint_eq(one.called, 1);
}
END_TEST

START_TEST(who_forgets_is_not_called)
{
	struct listener one = {.waiter.done = heard}, other = {.waiter.done = heard};

	statistics_ask(lodged.statistics, &one.waiter);
	statistics_ask(lodged.statistics, &other.waiter);
	statistics_forget(lodged.statistics, &one.waiter);
	wait_for(&other);
	ck_assert_uint_eq(one.called, 0);
}
END_TEST

START_TEST(the_end_answers_everybody)
{
	struct listener one = {.waiter.done = heard};

	lodged.vms = &vm;
	statistics_ask(lodged.statistics, &one.waiter);
	if (_i)
		uv_run(&lodged.loop, UV_RUN_NOWAIT);
	statistics_free(lodged.statistics);
	lodged.statistics = NULL;
	ck_assert_uint_eq(one.called, 1);
	statistics_release(held);
}
END_TEST

START_TEST(one_that_has_stopped_is_not_asked)
{
	struct listener one = {.waiter.done = heard};

	lodged.vms = &vm;
	vm.state = VM_STOPPED;
	statistics_ask(lodged.statistics, &one.waiter);
	wait_for(&one);
	ck_assert_uint_eq(counted, 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("statistics");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, who_asks_is_answered_later);
	tcase_add_test(tests, a_round_waits_for_a_vm);
	tcase_add_test(tests, a_vm_that_is_silent_is_not_waited_for);
	tcase_add_test(tests, who_forgets_is_not_called);
	tcase_add_loop_test(tests, the_end_answers_everybody, 0, 2);
	tcase_add_test(tests, one_that_has_stopped_is_not_asked);
	return suite_run_case("statistics", tests);
}

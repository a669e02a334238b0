/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of a stall is believed to be the balloon's own work, and what comes of it in the manager. */
#include "host/daemon/memory/inflation.h"
#include "played_vms.h"
#include "tests/unit/suite.h"

/* What is explained of an hour's stall that is seen after @ms. */
static uint64_t all_explained(const struct inflation *inflation, uint64_t at_ms)
{
	struct inflation copy = *inflation;

	return inflation_explains(&copy, UINT64_C(3600000000), at_ms);
}

START_TEST(what_is_asked_for_explains_a_little)
{
	struct inflation inflation = {0};
	uint64_t part;

	ck_assert_uint_eq(inflation_explains(&inflation, 1000, 100), 0);
	ck_assert(!inflation.only);
	inflation_asked(&inflation, 16 * MEMORY_MIB, 1000);
	part = all_explained(&inflation, 1001);
	ck_assert_uint_gt(part, 0);
	ck_assert_uint_lt(part, 500000);
	inflation_asked(&inflation, 16 * MEMORY_MIB, 2000);
	ck_assert_uint_eq(all_explained(&inflation, 2001), 2 * part);
	/* Each once. */
	ck_assert_uint_eq(inflation_explains(&inflation, part, 2100), part);
	ck_assert(inflation.only);
	ck_assert_uint_eq(inflation_explains(&inflation, 0, 2150), 0);
	ck_assert(!inflation.only);
	ck_assert_uint_eq(inflation_explains(&inflation, 3 * part, 2200), part);
	ck_assert(!inflation.only);
	ck_assert_uint_eq(inflation_explains(&inflation, 1, 2300), 0);
}
END_TEST

START_TEST(it_explains_nothing_later)
{
	struct inflation inflation = {0};

	inflation_asked(&inflation, 16 * MEMORY_MIB, 1000);
	ck_assert_uint_gt(all_explained(&inflation, 5999), 0);
	ck_assert_uint_eq(all_explained(&inflation, 6000), 0);
	/* Nor does it come back. */
	inflation_asked(&inflation, MEMORY_MIB, 7000);
	ck_assert_uint_lt(all_explained(&inflation, 7001), 100000);
}
END_TEST

START_TEST(there_is_a_most_that_it_explains)
{
	struct inflation inflation = {0};

	for (int i = 0; i < 100; i++)
		inflation_asked(&inflation, UINT64_MAX, 1000);
	ck_assert_uint_le(all_explained(&inflation, 1001), 1000000);
}
END_TEST

/* --- In the manager --------------------------------------------------------------------------- */

static struct played_vms host;
static struct played_vm *vm;

static void set_up(void)
{
	const struct memory_member_config config = {.maximum_bytes = MEMORY_GIB,
						    .minimum_bytes = 128 * MEMORY_MIB,
						    .fixed_bytes = MEMORY_GIB,
						    .shares = 1000};

	played_vms_new(&host, 4 * MEMORY_GIB);
	vm = played_vm_new(&host, MEMORY_GIB);
	vm->speechless = true;
	played_vm_admit(&host, vm, &config);
	played_vms_run(&host, 8);
	ck_assert_uint_eq(vm->actual, MEMORY_GIB);
}

static void tear_down(void)
{
	played_vms_free(&host);
}

/* Its owner gives it that size. */
static void resize(uint64_t bytes)
{
	struct memory_member_config config = *memory_member_config(vm->member);
	char error[256];

	config.fixed_bytes = bytes;
	ck_assert_int_eq(memory_member_configure(vm->member, &config, false, error, sizeof(error)),
			 0);
	played_vms_run(&host, 4);
	ck_assert_uint_eq(vm->actual, bytes);
}

/* Its agent says for how long its tasks have waited since it began. Returns what is made of it. */
static uint64_t tell(uint64_t stall_us)
{
	struct memory_sample sample = {.at_ms = host.now_ms,
				       .period_ms = 1000,
				       .available_bytes = 400 * MEMORY_MIB,
				       .stall_us = stall_us};
	struct memory_member_view view;

	memory_member_sample(vm->member, MEMORY_FROM_AGENT, &sample);
	memory_member_view(vm->member, &view);
	played_vms_run(&host, 4);
	return view.sample.stall_us;
}

START_TEST(a_stall_of_who_gives_back_counts_less)
{
	uint64_t before = tell(1000000), after;

	ck_assert_uint_eq(tell(1100000), before + 100000);
	resize(960 * MEMORY_MIB);
	after = tell(1100000 + 300000);
	ck_assert_uint_lt(after, before + 100000 + 300000);
	ck_assert_uint_ge(after, before + 100000);
	/* From then on all of it counts again, and no more than that. */
	played_vms_run(&host, 20);
	before = tell(1500000);
	ck_assert_uint_eq(tell(1600000), before + 100000);
	/* Who is given something stalls for something else. */
	resize(MEMORY_GIB);
	ck_assert_uint_eq(tell(1700000), before + 200000);
}
END_TEST

/* An urgent frame of its agent, whose guest has @available, most of it cache. Returns the target.
 */
static uint64_t cry(uint64_t stall_us, uint64_t available)
{
	struct memory_sample sample = {.at_ms = host.now_ms,
				       .period_ms = 1000,
				       .free_bytes = 8 * MEMORY_MIB,
				       .available_bytes = available,
				       .stall_us = stall_us};

	memory_member_sample(vm->member, MEMORY_FROM_AGENT, &sample);
	memory_member_stalls(vm->member);
	played_vms_run(&host, 1);
	return vm->target;
}

/* The host needs some of what it has, and then less again: more is left than it is given unasked.
 * Returns its target. */
static uint64_t give_back(void)
{
	struct memory_member_config config = *memory_member_config(vm->member);
	uint64_t had = vm->target;
	char error[256];

	tell(1000000);
	config.fixed_bytes = 0;
	ck_assert_int_eq(memory_member_configure(vm->member, &config, false, error, sizeof(error)),
			 0);
	host.other = 3 * MEMORY_GIB;
	played_vms_run(&host, 4);
	ck_assert_uint_lt(vm->target, had);
	host.other -= 220 * MEMORY_MIB;
	return vm->target;
}

START_TEST(who_gives_back_is_not_served_for_what_that_costs)
{
	uint64_t had = give_back();

	ck_assert_uint_le(cry(1000010, 300 * MEMORY_MIB), had);
	/* But for a real need it is. */
	ck_assert_uint_gt(cry(6000000, 300 * MEMORY_MIB), had);
}
END_TEST

START_TEST(who_has_nothing_left_is_served_all_the_same)
{
	uint64_t had = give_back();

	ck_assert_uint_gt(cry(1000010, 8 * MEMORY_MIB), had);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inflation");
	TCase *pure = tcase_create("inflation"), *manager = tcase_create("manager");

	tcase_add_test(pure, what_is_asked_for_explains_a_little);
	tcase_add_test(pure, it_explains_nothing_later);
	tcase_add_test(pure, there_is_a_most_that_it_explains);
	tcase_add_checked_fixture(manager, set_up, tear_down);
	tcase_add_test(manager, a_stall_of_who_gives_back_counts_less);
	tcase_add_test(manager, who_gives_back_is_not_served_for_what_that_costs);
	tcase_add_test(manager, who_has_nothing_left_is_served_all_the_same);
	suite_add_tcase(suite, pure);
	suite_add_tcase(suite, manager);
	return suite_run(suite);
}

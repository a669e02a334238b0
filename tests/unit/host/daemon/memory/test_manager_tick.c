/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VMs that grow beyond what they started with: memory is plugged in while they run. */
#include "played_vms.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <string.h>

#define START (512 * MEMORY_MIB)
#define MOST  (2 * MEMORY_GIB)
/* Of its memory, what the guest's kernel keeps to itself. */
#define KERNEL (40 * MEMORY_MIB)

static struct played_vms host;
static struct played_vm *vm;
static char error[512];

static const struct memory_member_config growing = {
	.maximum_bytes = MOST,
	.minimum_bytes = 128 * MEMORY_MIB,
	.start_bytes = START,
	.shares = 1000,
};

static void setup(void)
{
	played_vms_new(&host, 16 * MEMORY_GIB);
	vm = played_vm_new(&host, MOST);
	vm->actual = START;
	vm->used = START / 4;
	vm->silent = true;
}

static void teardown(void)
{
	played_vms_free(&host);
}

static struct memory_member_view view(void)
{
	struct memory_member_view result;

	memory_member_view(vm->member, &result);
	return result;
}

static void observe(uint64_t actual, uint64_t plugged)
{
	struct memory_observation seen = {.actual_bytes = actual,
					  .plugged_bytes = plugged,
					  .resident_bytes = actual,
					  .driver = true};

	memory_member_observe(vm->member, &seen);
}

/* Its agent tells; the host's clock goes on. */
static void tell(uint64_t total, uint64_t available)
{
	struct memory_sample sample = {.at_ms = host.now_ms,
				       .period_ms = 1000,
				       .total_bytes = total,
				       .free_bytes = available,
				       .available_bytes = available};

	memory_member_sample(vm->member, MEMORY_FROM_AGENT, &sample);
	host.now_ms += 1000;
}

START_TEST(until_its_guest_can_grow_it_has_what_it_started_with)
{
	played_vm_admit(&host, vm, &growing);
	ck_assert_uint_eq(view().machine_bytes, MOST);
	ck_assert_uint_eq(view().reach_bytes, START);
	vm->silent = false;
	vm->used = START - 8 * MEMORY_MIB;
	vm->stalls = 1;
	for (unsigned int i = 0; i < 40; i++) {
		vm->stalls += 300;
		played_vms_run(&host, 4);
		ck_assert_uint_le(vm->target, START);
	}
	memory_member_reach(vm->member, MOST);
	for (unsigned int i = 0; i < 40; i++) {
		vm->stalls += 300;
		played_vms_run(&host, 4);
		ck_assert_uint_le(vm->target, MOST);
	}
	ck_assert_uint_gt(vm->target, START);
}
END_TEST

START_TEST(who_starts_anew_cannot_have_more_again)
{
	played_vm_admit(&host, vm, &growing);
	memory_member_reach(vm->member, MOST);
	vm->silent = false;
	vm->used = MEMORY_GIB;
	vm->actual = MEMORY_GIB + 64 * MEMORY_MIB;
	played_vms_run(&host, 8);
	ck_assert_uint_gt(vm->target, START);
	memory_member_reach(vm->member, 0);
	ck_assert_uint_eq(view().reach_bytes, START);
	vm->used = START / 2;
	vm->actual = START;
	played_vms_run(&host, 8);
	ck_assert_uint_le(vm->target, START);
}
END_TEST

START_TEST(a_size_by_hand_is_asked_for_all_the_same)
{
	struct memory_member_config config = growing;

	played_vm_admit(&host, vm, &growing);
	vm->silent = false;
	played_vms_run(&host, 8);
	config.fixed_bytes = MOST;
	ck_assert_int_eq(memory_member_configure(vm->member, &config, true, error, sizeof(error)),
			 0);
	played_vms_run(&host, 8);
	ck_assert_uint_eq(vm->target, MOST);
}
END_TEST

START_TEST(no_more_is_guaranteed_than_it_starts_with)
{
	struct memory_member_config config = growing;

	played_vm_admit(&host, vm, &growing);
	config.minimum_bytes = START + MEMORY_MIB;
	ck_assert_int_eq(memory_member_configure(vm->member, &config, true, error, sizeof(error)),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "more than it starts with"));
}
END_TEST

START_TEST(plugged_memory_counts_once_it_is_in_use)
{
	played_vm_admit(&host, vm, &growing);
	memory_member_reach(vm->member, MOST);
	observe(START, 0);
	tell(START - KERNEL, 300 * MEMORY_MIB);
	ck_assert_uint_eq(view().used_bytes, START - 300 * MEMORY_MIB);
	/* It is in the machine, and the guest's kernel does not have it yet. */
	observe(START + 256 * MEMORY_MIB, 256 * MEMORY_MIB);
	tell(START - KERNEL, 300 * MEMORY_MIB);
	ck_assert_uint_eq(view().used_bytes, START - 300 * MEMORY_MIB);
	/* Half of it. */
	tell(START - KERNEL + 128 * MEMORY_MIB, 428 * MEMORY_MIB);
	ck_assert_uint_eq(view().used_bytes, START - 300 * MEMORY_MIB);
	tell(START - KERNEL + 256 * MEMORY_MIB, 550 * MEMORY_MIB);
	ck_assert_uint_eq(view().used_bytes, START + 256 * MEMORY_MIB - 550 * MEMORY_MIB);
}
END_TEST

/* The next lodged. */
START_TEST(what_was_plugged_in_before_is_believed_to_be_in_use)
{
	ck_assert_int_eq(memory_manager_adopt(host.manager, "old", MOST, &growing, &played_driver,
					      vm, error, sizeof(error), &vm->member),
			 0);
	memory_member_reach(vm->member, MEMORY_GIB);
	observe(MEMORY_GIB, MEMORY_GIB - START);
	ck_assert_uint_eq(view().decision.target_bytes, MEMORY_GIB);
	tell(MEMORY_GIB - KERNEL, 600 * MEMORY_MIB);
	ck_assert_uint_eq(view().used_bytes, MEMORY_GIB - 600 * MEMORY_MIB);
}
END_TEST

/* A guest's total is a claim. */
START_TEST(a_total_that_makes_no_sense_does_no_harm)
{
	played_vm_admit(&host, vm, &growing);
	memory_member_reach(vm->member, MOST);
	observe(START + 256 * MEMORY_MIB, 256 * MEMORY_MIB);
	tell(UINT64_MAX, 300 * MEMORY_MIB);
	ck_assert_uint_eq(view().used_bytes, START + 256 * MEMORY_MIB - 300 * MEMORY_MIB);
	tell(1, 300 * MEMORY_MIB);
	ck_assert_uint_eq(view().used_bytes, START - 300 * MEMORY_MIB);
	tell(0, 300 * MEMORY_MIB);
	ck_assert_uint_eq(view().used_bytes, START + 256 * MEMORY_MIB - 300 * MEMORY_MIB);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("manager_tick");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, until_its_guest_can_grow_it_has_what_it_started_with);
	tcase_add_test(tests, who_starts_anew_cannot_have_more_again);
	tcase_add_test(tests, a_size_by_hand_is_asked_for_all_the_same);
	tcase_add_test(tests, no_more_is_guaranteed_than_it_starts_with);
	tcase_add_test(tests, plugged_memory_counts_once_it_is_in_use);
	tcase_add_test(tests, what_was_plugged_in_before_is_believed_to_be_in_use);
	tcase_add_test(tests, a_total_that_makes_no_sense_does_no_harm);
	return suite_run_case("manager_tick", tests);
}

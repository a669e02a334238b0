/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/vmm_plug.h"
#include "tests/unit/suite.h"

#define MIB   (UINT64_C(1) << 20)
#define START (512 * MIB)
#define MOST  (2048 * MIB)

static struct vmm_plug plug;
static struct vm_memory machine;
static uint64_t now_ms;

static void setup(void)
{
	plug = (struct vmm_plug){0};
	machine = (struct vm_memory){
		.maximum_bytes = MOST,
		.start_bytes = START,
		.ram_bytes = START,
		.requested_bytes = START,
		.plug = true,
		.plug_driver = true,
	};
	now_ms = 5000;
}

/* What the machine has been asked for, once the VM is to have @target and time has passed. */
static uint64_t wish(uint64_t target, uint64_t later_ms)
{
	uint64_t bytes;

	plug.target_bytes = target;
	vmm_plug_told(&plug, &machine, now_ms);
	now_ms += later_ms;
	vmm_plug_told(&plug, &machine, now_ms);
	bytes = vmm_plug_wish(&plug, now_ms);
	if (bytes) {
		vmm_plug_asked(&plug, bytes);
		machine.requested_bytes = bytes;
	}
	return bytes;
}

START_TEST(above_its_start_memory_is_plugged_in_at_once)
{
	ck_assert_uint_eq(wish(0, 0), 0);
	ck_assert_uint_eq(wish(START, 0), 0);
	ck_assert_uint_eq(wish(1024 * MIB, 0), 1024 * MIB);
	ck_assert_uint_eq(vmm_plug_wish(&plug, now_ms), 0);
	ck_assert_uint_eq(wish(1024 * MIB + 1, 0), 1026 * MIB);
	ck_assert_uint_eq(wish(MOST + MIB, 0), MOST);
}
END_TEST

START_TEST(below_it_is_the_balloons)
{
	ck_assert_uint_eq(wish(128 * MIB, 0), 0);
	ck_assert_uint_eq(wish(128 * MIB, 10 * VMM_PLUG_SPARE_MS), 0);
}
END_TEST

START_TEST(what_is_spare_for_long_is_plugged_out)
{
	wish(MOST, 0);
	ck_assert_uint_eq(wish(MOST - 64 * MIB, 2 * VMM_PLUG_SPARE_MS), 0);
	ck_assert_uint_eq(wish(1024 * MIB, VMM_PLUG_SPARE_MS - 1), 0);
	/* It was needed again meanwhile. */
	ck_assert_uint_eq(wish(MOST, 0), 0);
	ck_assert_uint_eq(wish(1024 * MIB, VMM_PLUG_SPARE_MS - 1), 0);
	ck_assert_uint_eq(wish(1024 * MIB, 1), 1024 * MIB);
	ck_assert_uint_eq(wish(256 * MIB, VMM_PLUG_SPARE_MS), START);
	ck_assert_uint_eq(wish(256 * MIB, VMM_PLUG_SPARE_MS), 0);
}
END_TEST

START_TEST(a_guest_that_starts_anew_begins_with_what_it_began_with)
{
	wish(MOST, 0);
	machine.plug_driver = false;
	ck_assert_uint_eq(wish(MOST, 0), START);
	ck_assert_uint_eq(wish(MOST, 0), 0);
	machine.plug_driver = true;
	ck_assert_uint_eq(wish(MOST, 0), MOST);
}
END_TEST

START_TEST(what_the_host_refused_is_tried_again_later)
{
	ck_assert_uint_eq(wish(MOST, 0), MOST);
	machine.requested_bytes = START;
	vmm_plug_refused(&plug, now_ms);
	ck_assert_uint_eq(wish(MOST, VMM_PLUG_REFUSED_MS - 1), 0);
	ck_assert_uint_eq(wish(MOST, 1), MOST);
}
END_TEST

START_TEST(a_machine_that_cannot_grow_is_asked_for_nothing)
{
	machine.plug = false;
	ck_assert_uint_eq(wish(MOST, 0), 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("vmm_plug");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, above_its_start_memory_is_plugged_in_at_once);
	tcase_add_test(tests, below_it_is_the_balloons);
	tcase_add_test(tests, what_is_spare_for_long_is_plugged_out);
	tcase_add_test(tests, a_guest_that_starts_anew_begins_with_what_it_began_with);
	tcase_add_test(tests, what_the_host_refused_is_tried_again_later);
	tcase_add_test(tests, a_machine_that_cannot_grow_is_asked_for_nothing);
	return suite_run_case("vmm_plug", tests);
}

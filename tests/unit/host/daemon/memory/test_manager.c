/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "played_vms.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <string.h>

#define SECONDS *4

static struct played_vms host;
static char error[512];

static void set_up(void)
{
	played_vms_new(&host, 2 * MEMORY_GIB);
}

static void tear_down(void)
{
	played_vms_free(&host);
}

static const struct memory_decision *decision(const struct played_vm *vm)
{
	static struct memory_member_view view;

	memory_member_view(vm->member, &view);
	return &view.decision;
}

static int admit(struct played_vm *vm, const struct memory_member_config *config)
{
	return memory_manager_admit(host.manager, "another", vm->machine, config, &played_driver,
				    vm, error, sizeof(error), &vm->member);
}

static struct memory_member_config config_of(uint64_t maximum, uint64_t minimum)
{
	return (struct memory_member_config){
		.maximum_bytes = maximum, .minimum_bytes = minimum, .shares = 1000};
}

static void set_mode(enum memory_mode mode)
{
	struct memory_settings settings = *memory_manager_settings(host.manager);

	settings.mode = mode;
	ck_assert_int_eq(memory_manager_set(host.manager, &settings, error, sizeof(error)), 0);
}

/* --- Who takes part --------------------------------------------------------------------------- */

START_TEST(defaults_fit_machines_of_any_size)
{
	static const struct {
		uint64_t machine, minimum;
	} expected[] = {
		{16 * MEMORY_MIB, 16 * MEMORY_MIB},
		{256 * MEMORY_MIB, 128 * MEMORY_MIB},
		{4 * MEMORY_GIB, MEMORY_GIB},
	};
	struct memory_member_config config;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		memory_config_default(expected[i].machine, &config);
		ck_assert_uint_eq(config.maximum_bytes, expected[i].machine);
		ck_assert_uint_eq(config.minimum_bytes, expected[i].minimum);
		ck_assert_uint_eq(config.shares, MEMORY_DEFAULT_SHARES);
		ck_assert(!config.watched);
	}
}
END_TEST

START_TEST(who_does_not_fit_is_refused_with_a_reason)
{
	struct memory_member_config config = config_of(MEMORY_GIB, MEMORY_GIB);
	struct played_vm *first = played_vm_new(&host, MEMORY_GIB);
	struct played_vm *second = played_vm_new(&host, MEMORY_GIB);

	ck_assert_int_eq(admit(first, &config), 0);
	played_vms_run(&host, 2 SECONDS);
	ck_assert_int_eq(admit(second, &config), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(error, "1024 MiB are to be guaranteed"));
	ck_assert_ptr_nonnull(strstr(error, "768 of the 1792 MiB"));
	ck_assert_ptr_null(second->member);
	config.minimum_bytes = 512 * MEMORY_MIB;
	ck_assert_int_eq(admit(second, &config), 0);
	config.minimum_bytes = MEMORY_GIB;
	ck_assert_int_eq(
		memory_member_configure(second->member, &config, true, error, sizeof(error)),
		-ENOSPC);
	ck_assert_uint_eq(memory_member_config(second->member)->minimum_bytes, 512 * MEMORY_MIB);
	ck_assert_uint_eq(second->kept, 0);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	struct played_vm *vm = played_vm_new(&host, MEMORY_GIB);
	struct memory_member_config config[] = {
		config_of(2 * MEMORY_GIB, 0),	       config_of(1000, 0),
		config_of(MEMORY_GIB / 2, MEMORY_GIB), config_of(MEMORY_GIB, 0),
		config_of(MEMORY_GIB, MEMORY_GIB / 2),
	};

	config[3].shares = 0;
	config[4].fixed_bytes = MEMORY_GIB / 4;
	for (size_t i = 0; i < sizeof(config) / sizeof(config[0]); i++) {
		error[0] = '\0';
		ck_assert_int_eq(admit(vm, &config[i]), -EINVAL);
		ck_assert_ptr_nonnull(strstr(error, "another"));
	}
	ck_assert(!memory_manager_is_busy(host.manager));
}
END_TEST

START_TEST(who_starts_while_memory_is_out_waits_for_it)
{
	struct memory_member_config config = config_of(1536 * MEMORY_MIB, 256 * MEMORY_MIB);
	struct played_vm *first = played_vm_new(&host, 1536 * MEMORY_MIB);
	struct played_vm *second = played_vm_new(&host, 1536 * MEMORY_MIB);

	played_vm_admit(&host, first, &config);
	ck_assert(memory_member_is_ready(first->member));
	played_vms_run(&host, 5 SECONDS);
	ck_assert_uint_eq(first->actual, 1536 * MEMORY_MIB);
	config.minimum_bytes = 512 * MEMORY_MIB;
	second->actual = 0; /* it does not run yet */
	played_vm_admit(&host, second, &config);
	ck_assert(!memory_member_is_ready(second->member));
	ck_assert(!second->ready);
	played_vms_run(&host, 10 SECONDS);
	ck_assert(memory_member_is_ready(second->member));
	ck_assert(second->ready);
	ck_assert_uint_lt(first->actual, 1536 * MEMORY_MIB);
}
END_TEST

START_TEST(nobody_waits_where_the_policy_is_switched_off)
{
	struct memory_member_config config = config_of(1536 * MEMORY_MIB, 512 * MEMORY_MIB);
	struct played_vm *first = played_vm_new(&host, 1536 * MEMORY_MIB);
	struct played_vm *second = played_vm_new(&host, 1536 * MEMORY_MIB);

	played_vm_admit(&host, first, &config);
	first->refuses = true;
	played_vms_run(&host, 5 SECONDS);
	second->actual = 0;
	played_vm_admit(&host, second, &config);
	ck_assert(!memory_member_is_ready(second->member));
	set_mode(MEMORY_MODE_OFF);
	ck_assert(second->ready);
	ck_assert(memory_member_is_ready(second->member));
}
END_TEST

/* --- When it works ---------------------------------------------------------------------------- */

START_TEST(without_vms_it_sleeps)
{
	struct played_vm *vm = played_vm_new(&host, MEMORY_GIB);

	ck_assert(!memory_manager_is_busy(host.manager));
	memory_manager_look(host.manager);
	ck_assert(!memory_manager_is_busy(host.manager));
	played_vm_admit(&host, vm, NULL);
	ck_assert(memory_manager_is_busy(host.manager));
	ck_assert_uint_gt(host.wanted, 0);
	memory_member_free(vm->member);
	ck_assert(!memory_manager_is_busy(host.manager));
}
END_TEST

START_TEST(who_is_watched_is_looked_at_while_somebody_looks_and_never_touched)
{
	struct memory_member_config config = config_of(MEMORY_GIB, 0);
	struct played_vm *vm = played_vm_new(&host, MEMORY_GIB);

	config.watched = true;
	ck_assert_int_eq(admit(vm, &config), 0);
	ck_assert(!memory_manager_is_busy(host.manager));
	memory_manager_look(host.manager);
	ck_assert(memory_manager_is_busy(host.manager));
	played_vms_run(&host, 8 SECONDS);
	ck_assert_uint_ge(vm->looks, 8);
	ck_assert_uint_eq(vm->targets, 0);
	ck_assert_uint_eq(decision(vm)->target_bytes, MEMORY_GIB);
	played_vms_run(&host, 3 SECONDS);
	ck_assert(!memory_manager_is_busy(host.manager));
}
END_TEST

START_TEST(each_is_looked_at_once_a_second)
{
	struct played_vm *vm = played_vm_new(&host, 256 * MEMORY_MIB);

	played_vm_admit(&host, vm, NULL);
	played_vms_run(&host, 20 SECONDS);
	ck_assert_uint_eq(vm->looks, 20);
}
END_TEST

/* --- What it does ----------------------------------------------------------------------------- */

START_TEST(on_a_big_host_nothing_is_taken)
{
	host.total = 64 * MEMORY_GIB;
	host.other = 8 * MEMORY_GIB;
	for (int i = 0; i < PLAYED_VMS; i++)
		played_vm_admit(&host, played_vm_new(&host, 512 * MEMORY_MIB), NULL);
	played_vms_run(&host, 120 SECONDS);
	for (int i = 0; i < PLAYED_VMS; i++) {
		ck_assert_uint_eq(host.vm[i].actual, 512 * MEMORY_MIB);
		ck_assert_uint_eq(host.vm[i].targets, 1);
	}
}
END_TEST

START_TEST(memory_flows_from_the_idle_to_the_working)
{
	struct memory_member_config config = config_of(1536 * MEMORY_MIB, 128 * MEMORY_MIB);
	struct played_vm *idle = played_vm_new(&host, 1536 * MEMORY_MIB);
	struct played_vm *works = played_vm_new(&host, 1536 * MEMORY_MIB);

	idle->used = works->used = 100 * MEMORY_MIB;
	played_vm_admit(&host, idle, &config);
	played_vms_run(&host, 5 SECONDS);
	works->actual = 128 * MEMORY_MIB;
	played_vm_admit(&host, works, &config);
	played_vms_run(&host, 20 SECONDS);
	ck_assert_uint_gt(idle->actual, 512 * MEMORY_MIB);
	for (uint64_t used = 100; used < 1200; used += 50) {
		works->used = used * MEMORY_MIB < works->actual ? used * MEMORY_MIB : works->actual;
		played_vms_run(&host, 2 SECONDS);
	}
	ck_assert_uint_gt(works->actual, 1150 * MEMORY_MIB);
	ck_assert_uint_ge(idle->actual, 128 * MEMORY_MIB);
	ck_assert_uint_lt(idle->actual, 600 * MEMORY_MIB);
	ck_assert_uint_le(idle->actual + works->actual, 1792 * MEMORY_MIB);
}
END_TEST

/* What an idle guest uses is asked back where memory is scarce, but not in a dry run. */
START_TEST(the_idle_are_asked_for_what_they_use_least)
{
	struct memory_settings settings = *memory_manager_settings(host.manager);
	struct memory_member_config config = config_of(1536 * MEMORY_MIB, 128 * MEMORY_MIB);
	struct played_vm *idle = played_vm_new(&host, 1536 * MEMORY_MIB);
	struct played_vm *works = played_vm_new(&host, 1536 * MEMORY_MIB);

	idle->reclaims = true;
	idle->used = 600 * MEMORY_MIB;
	works->used = works->actual = 900 * MEMORY_MIB;
	settings.mode = MEMORY_MODE_DRY_RUN;
	ck_assert_int_eq(memory_manager_set(host.manager, &settings, error, sizeof(error)), 0);
	played_vm_admit(&host, idle, &config);
	played_vm_admit(&host, works, &config);
	for (unsigned int seconds = 0; seconds < 600; seconds++) {
		if (seconds == 120) {
			ck_assert_uint_eq(idle->reclaimed, 0);
			settings.mode = MEMORY_MODE_ON;
			ck_assert_int_eq(
				memory_manager_set(host.manager, &settings, error, sizeof(error)),
				0);
		}
		/* It would use all that it can get. */
		works->used = works->actual;
		works->stalls += 500;
		played_vms_run(&host, 1 SECONDS);
	}
	ck_assert_uint_gt(idle->reclaimed, 100 * MEMORY_MIB);
	ck_assert_uint_eq(works->reclaimed, 0);
}
END_TEST

START_TEST(who_runs_already_keeps_its_size_and_gets_no_target_before_it_was_seen)
{
	struct memory_member_config config = config_of(MEMORY_GIB, 128 * MEMORY_MIB);
	struct played_vm *vm = played_vm_new(&host, MEMORY_GIB);

	vm->actual = 700 * MEMORY_MIB;
	vm->silent = true;
	vm->used = 600 * MEMORY_MIB;
	host.other = 1000 * MEMORY_MIB;
	ck_assert_int_eq(memory_manager_adopt(host.manager, "old", vm->machine, &config,
					      &played_driver, vm, error, sizeof(error),
					      &vm->member),
			 0);
	played_vms_run(&host, 3 SECONDS);
	ck_assert_uint_eq(vm->targets, 0);
	vm->silent = false;
	played_vms_run(&host, 1 SECONDS + 2);
	ck_assert_uint_ge(vm->targets, 1);
	ck_assert_uint_eq(vm->target, 700 * MEMORY_MIB);
}
END_TEST

START_TEST(what_failed_is_tried_again)
{
	struct played_vm *vm = played_vm_new(&host, 512 * MEMORY_MIB);

	played_vm_admit(&host, vm, NULL);
	played_vms_run(&host, 4 SECONDS);
	ck_assert_uint_eq(vm->targets, 1);
	memory_member_failed(vm->member);
	played_vms_run(&host, 1 SECONDS);
	ck_assert_uint_eq(vm->targets, 2);
	played_vms_run(&host, 4 SECONDS);
	ck_assert_uint_eq(vm->targets, 2);
}
END_TEST

START_TEST(an_owner_s_size_is_set_and_kept)
{
	struct memory_member_config config = config_of(MEMORY_GIB, 128 * MEMORY_MIB);
	struct played_vm *vm = played_vm_new(&host, MEMORY_GIB);

	played_vm_admit(&host, vm, &config);
	played_vms_run(&host, 2 SECONDS);
	config.fixed_bytes = 384 * MEMORY_MIB;
	ck_assert_int_eq(memory_member_configure(vm->member, &config, true, error, sizeof(error)),
			 0);
	ck_assert_uint_eq(vm->config.fixed_bytes, 384 * MEMORY_MIB);
	/* Who looks at once sees it. */
	ck_assert_uint_eq(decision(vm)->target_bytes, 384 * MEMORY_MIB);
	ck_assert_int_eq(decision(vm)->state, MEMORY_FIXED);
	played_vms_run(&host, 2 SECONDS);
	ck_assert_uint_eq(vm->target, 384 * MEMORY_MIB);
	ck_assert_uint_eq(vm->actual, 384 * MEMORY_MIB);
	config.fixed_bytes = 0;
	ck_assert_int_eq(memory_member_configure(vm->member, &config, true, error, sizeof(error)),
			 0);
	played_vms_run(&host, 20 SECONDS);
	ck_assert_uint_gt(vm->actual, 900 * MEMORY_MIB);
}
END_TEST

START_TEST(switched_off_it_does_what_is_asked_by_hand)
{
	struct memory_member_config config = config_of(MEMORY_GIB, 128 * MEMORY_MIB);
	struct played_vm *vm = played_vm_new(&host, MEMORY_GIB);
	unsigned int targets;

	played_vm_admit(&host, vm, &config);
	played_vms_run(&host, 2 SECONDS);
	set_mode(MEMORY_MODE_OFF);
	targets = vm->targets;
	host.other = 1500 * MEMORY_MIB;
	memory_manager_look(host.manager);
	played_vms_run(&host, 5 SECONDS);
	ck_assert_uint_eq(vm->targets, targets);
	config.fixed_bytes = 256 * MEMORY_MIB;
	ck_assert_int_eq(memory_member_configure(vm->member, &config, true, error, sizeof(error)),
			 0);
	ck_assert_uint_eq(vm->target, 256 * MEMORY_MIB);
	set_mode(MEMORY_MODE_ON);
	played_vms_run(&host, 3 SECONDS);
	ck_assert_uint_eq(vm->target, 256 * MEMORY_MIB);
}
END_TEST

START_TEST(a_dry_run_says_and_does_nothing)
{
	struct memory_member_config config = config_of(1536 * MEMORY_MIB, 128 * MEMORY_MIB);
	struct played_vm *vm = played_vm_new(&host, 1536 * MEMORY_MIB);

	set_mode(MEMORY_MODE_DRY_RUN);
	played_vm_admit(&host, vm, &config);
	played_vms_run(&host, 4 SECONDS);
	host.other = 900 * MEMORY_MIB;
	played_vms_run(&host, 30 SECONDS);
	ck_assert_uint_eq(vm->targets, 0);
	ck_assert_uint_eq(vm->actual, 1536 * MEMORY_MIB);
	ck_assert_uint_lt(decision(vm)->target_bytes, 1200 * MEMORY_MIB);
	ck_assert_uint_gt(host.logged, 1);
	ck_assert_ptr_nonnull(strstr(host.log, "dry run: vm1"));
	set_mode(MEMORY_MODE_ON);
	played_vms_run(&host, 4 SECONDS);
	ck_assert_uint_gt(vm->targets, 0);
}
END_TEST

START_TEST(what_was_learned_by_a_dry_run_is_not_believed_later)
{
	struct memory_member_config config = config_of(MEMORY_GIB, 128 * MEMORY_MIB);
	struct played_vm *vm = played_vm_new(&host, MEMORY_GIB);

	set_mode(MEMORY_MODE_DRY_RUN);
	config.minimum_bytes = MEMORY_GIB;
	played_vm_admit(&host, vm, &config);
	ck_assert_int_eq(admit(played_vm_new(&host, MEMORY_GIB), &config), 0);
	ck_assert_ptr_nonnull(strstr(host.log, "would be refused"));
}
END_TEST

/* --- Guests that call, hosts that run short --------------------------------------------------- */

START_TEST(an_urgent_guest_is_served_in_the_next_tick)
{
	struct memory_member_config config = config_of(1536 * MEMORY_MIB, 128 * MEMORY_MIB);
	struct played_vm *vm = played_vm_new(&host, 1536 * MEMORY_MIB);
	uint64_t before;

	vm->actual = 400 * MEMORY_MIB;
	vm->used = 395 * MEMORY_MIB;
	ck_assert_int_eq(memory_manager_adopt(host.manager, "old", vm->machine, &config,
					      &played_driver, vm, error, sizeof(error),
					      &vm->member),
			 0);
	host.other = 1200 * MEMORY_MIB;
	played_vms_run(&host, 1 SECONDS + 2);
	before = vm->target;
	host.other = 0;
	memory_member_urgent(vm->member);
	played_vms_run(&host, 1);
	ck_assert_uint_ge(vm->target, before + before / 4);
}
END_TEST

START_TEST(a_host_that_runs_short_takes_limits_and_at_last_pauses)
{
	struct memory_member_config config = config_of(600 * MEMORY_MIB, 128 * MEMORY_MIB);
	struct played_vm *one = played_vm_new(&host, 600 * MEMORY_MIB);
	struct played_vm *two = played_vm_new(&host, 500 * MEMORY_MIB);
	struct memory_manager_view view;

	played_vm_admit(&host, one, &config);
	config.maximum_bytes = 500 * MEMORY_MIB;
	played_vm_admit(&host, two, &config);
	played_vms_run(&host, 5 SECONDS);
	one->refuses = two->refuses = true;
	one->used = two->used = 450 * MEMORY_MIB;
	host.other = 1100 * MEMORY_MIB;
	played_vms_run(&host, 1 SECONDS);
	memory_manager_view(host.manager, &view);
	ck_assert_int_gt(view.totals.emergency, 0);
	ck_assert_uint_lt(one->target, 600 * MEMORY_MIB);
	played_vms_run(&host, 8 SECONDS);
	ck_assert_uint_gt(one->limit, 0);
	played_vms_run(&host, 30 SECONDS);
	ck_assert(one->paused || two->paused);
	host.other = 0;
	one->refuses = two->refuses = false;
	one->used = two->used = 100 * MEMORY_MIB;
	played_vms_run(&host, 10 SECONDS);
	ck_assert(!one->paused && !two->paused);
	ck_assert_uint_eq(one->limit, 0);
	ck_assert_uint_eq(two->limit, 0);
}
END_TEST

START_TEST(who_leaves_in_an_emergency_goes_on)
{
	struct memory_member_config config = config_of(900 * MEMORY_MIB, 128 * MEMORY_MIB);
	struct played_vm *vm = played_vm_new(&host, 900 * MEMORY_MIB);

	played_vm_admit(&host, vm, &config);
	played_vms_run(&host, 5 SECONDS);
	vm->refuses = true;
	vm->used = 800 * MEMORY_MIB;
	host.other = 1400 * MEMORY_MIB;
	played_vms_run(&host, 40 SECONDS);
	ck_assert(vm->paused);
	config.watched = true;
	ck_assert_int_eq(memory_member_configure(vm->member, &config, true, error, sizeof(error)),
			 0);
	ck_assert(!vm->paused);
	ck_assert_uint_eq(vm->limit, 0);
}
END_TEST

START_TEST(who_was_paused_by_an_earlier_manager_goes_on)
{
	struct memory_member_config config = config_of(MEMORY_GIB, 128 * MEMORY_MIB);
	struct played_vm *vm = played_vm_new(&host, MEMORY_GIB);

	vm->paused = true;
	ck_assert_int_eq(memory_manager_adopt(host.manager, "old", vm->machine, &config,
					      &played_driver, vm, error, sizeof(error),
					      &vm->member),
			 0);
	memory_member_was_paused(vm->member);
	played_vms_run(&host, 2 SECONDS);
	ck_assert_uint_eq(vm->pauses, 1);
	ck_assert(!vm->paused);
}
END_TEST

START_TEST(a_stall_counts_only_where_little_is_left)
{
	struct memory_member_config config = config_of(900 * MEMORY_MIB, 128 * MEMORY_MIB);
	struct played_vm *vm = played_vm_new(&host, 900 * MEMORY_MIB);

	host.total = 8 * MEMORY_GIB;
	played_vm_admit(&host, vm, &config);
	played_vms_run(&host, 5 SECONDS);
	memory_manager_stalled(host.manager);
	played_vms_run(&host, 1);
	ck_assert_uint_eq(vm->target, 900 * MEMORY_MIB);
	host.other = 6400 * MEMORY_MIB;
	memory_manager_stalled(host.manager);
	played_vms_run(&host, 1);
	ck_assert_uint_lt(vm->target, 900 * MEMORY_MIB);
}
END_TEST

START_TEST(a_host_that_cannot_be_read_stays_as_it_was)
{
	struct memory_settings settings = *memory_manager_settings(host.manager);
	struct played_vm *vm = played_vm_new(&host, 512 * MEMORY_MIB);
	struct played_vms other = {.host_error = -EIO};
	struct memory_manager *none;

	played_vm_admit(&host, vm, NULL);
	host.host_error = -EIO;
	played_vms_run(&host, 10 SECONDS);
	ck_assert_uint_eq(vm->actual, 512 * MEMORY_MIB);
	ck_assert_int_eq(memory_manager_new(&settings, &played_hooks, &other, &none), -EIO);
}
END_TEST

/* --- Settings --------------------------------------------------------------------------------- */

START_TEST(vms_get_by_with_a_part_of_the_host)
{
	struct memory_settings settings = *memory_manager_settings(host.manager);
	struct memory_manager_view view;

	host.total = 64 * MEMORY_GIB;
	host.other = 20 * MEMORY_GIB;
	played_vms_run(&host, 1);
	settings.total_bytes = 2 * MEMORY_GIB;
	settings.reserve_bytes = 512 * MEMORY_MIB;
	ck_assert_int_eq(memory_manager_set(host.manager, &settings, error, sizeof(error)), 0);
	memory_manager_view(host.manager, &view);
	ck_assert_uint_eq(view.totals.budget_bytes, 1536 * MEMORY_MIB);
	ck_assert_uint_eq(view.totals.reserve_bytes, 512 * MEMORY_MIB);
	/* Where the rest of the host is not enough for the others, they are counted. */
	host.other = 63 * MEMORY_GIB;
	played_vms_run(&host, 1);
	memory_manager_view(host.manager, &view);
	ck_assert_uint_eq(view.totals.budget_bytes, 512 * MEMORY_MIB);
}
END_TEST

START_TEST(settings_that_make_no_sense_are_refused)
{
	struct memory_settings settings = {.reserve_bytes = 3 * MEMORY_GIB};

	ck_assert_int_eq(memory_manager_set(host.manager, &settings, error, sizeof(error)),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "reserve"));
	settings = (struct memory_settings){.total_bytes = 3 * MEMORY_GIB};
	ck_assert_int_eq(memory_manager_set(host.manager, &settings, error, sizeof(error)),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "total"));
	ck_assert_uint_eq(memory_manager_settings(host.manager)->total_bytes, 0);
}
END_TEST

START_TEST(names_of_modes_and_speeds_are_known)
{
	enum memory_mode mode;
	enum memory_speed speed;

	for (int i = MEMORY_MODE_ON; i <= MEMORY_MODE_OFF; i++) {
		ck_assert_int_eq(memory_mode_named(memory_mode_name((enum memory_mode)i), &mode),
				 0);
		ck_assert_int_eq((int)mode, i);
	}
	for (int i = MEMORY_SPEED_CALM; i <= MEMORY_SPEED_QUICK; i++) {
		ck_assert_int_eq(
			memory_speed_named(memory_speed_name((enum memory_speed)i), &speed), 0);
		ck_assert_int_eq((int)speed, i);
	}
	ck_assert_int_eq(memory_mode_named("nonsense", &mode), -EINVAL);
}
END_TEST

START_TEST(everybody_is_explained)
{
	struct memory_member_config config = config_of(MEMORY_GIB, 0);
	struct played_vm *vm = played_vm_new(&host, MEMORY_GIB);
	char text[1024];

	played_vm_admit(&host, vm, &config);
	played_vms_run(&host, 3 SECONDS);
	memory_member_explain(vm->member, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "vm1 (followed)"));
	config.watched = true;
	memory_member_configure(vm->member, &config, false, error, sizeof(error));
	memory_member_explain(vm->member, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "does not take part"));
	ck_assert_ptr_eq(memory_manager_next(host.manager, NULL), vm->member);
	ck_assert_ptr_null(memory_manager_next(host.manager, vm->member));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("manager");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, defaults_fit_machines_of_any_size);
	tcase_add_test(tests, who_does_not_fit_is_refused_with_a_reason);
	tcase_add_test(tests, nonsense_is_refused);
	tcase_add_test(tests, who_starts_while_memory_is_out_waits_for_it);
	tcase_add_test(tests, nobody_waits_where_the_policy_is_switched_off);
	tcase_add_test(tests, without_vms_it_sleeps);
	tcase_add_test(tests, who_is_watched_is_looked_at_while_somebody_looks_and_never_touched);
	tcase_add_test(tests, each_is_looked_at_once_a_second);
	tcase_add_test(tests, on_a_big_host_nothing_is_taken);
	tcase_add_test(tests, memory_flows_from_the_idle_to_the_working);
	tcase_add_test(tests, the_idle_are_asked_for_what_they_use_least);
	tcase_add_test(tests,
		       who_runs_already_keeps_its_size_and_gets_no_target_before_it_was_seen);
	tcase_add_test(tests, what_failed_is_tried_again);
	tcase_add_test(tests, an_owner_s_size_is_set_and_kept);
	tcase_add_test(tests, switched_off_it_does_what_is_asked_by_hand);
	tcase_add_test(tests, a_dry_run_says_and_does_nothing);
	tcase_add_test(tests, what_was_learned_by_a_dry_run_is_not_believed_later);
	tcase_add_test(tests, an_urgent_guest_is_served_in_the_next_tick);
	tcase_add_test(tests, a_host_that_runs_short_takes_limits_and_at_last_pauses);
	tcase_add_test(tests, who_leaves_in_an_emergency_goes_on);
	tcase_add_test(tests, who_was_paused_by_an_earlier_manager_goes_on);
	tcase_add_test(tests, a_stall_counts_only_where_little_is_left);
	tcase_add_test(tests, a_host_that_cannot_be_read_stays_as_it_was);
	tcase_add_test(tests, vms_get_by_with_a_part_of_the_host);
	tcase_add_test(tests, settings_that_make_no_sense_are_refused);
	tcase_add_test(tests, names_of_modes_and_speeds_are_known);
	tcase_add_test(tests, everybody_is_explained);
	return suite_run_case("manager", tests);
}

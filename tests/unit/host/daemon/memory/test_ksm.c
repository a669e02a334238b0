/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* KSM, as files in a folder that plays /sys. */
#include "host/daemon/memory/ksm.h"
#include "host/daemon/memory/policy.h"
#include "played_root.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KSM "/sys/kernel/mm/ksm/"

static struct played_root played;
static struct ksm ksm;
static struct ksm_need need;
static uint64_t now_ms;

static void put(const char *file, unsigned long long value)
{
	char name[64], text[32];

	snprintf(name, sizeof(name), KSM "%s", file);
	snprintf(text, sizeof(text), "%llu\n", value);
	played_root_put(&played, name, text);
}

static uint64_t get(const char *file)
{
	unsigned long long value;
	char path[256];
	FILE *stream;

	snprintf(path, sizeof(path), "%s" KSM "%s", played.path, file);
	stream = fopen(path, "r");
	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(fscanf(stream, "%llu", &value), 1);
	fclose(stream);
	return value;
}

/* What the next one would find. */
static struct ksm_kept kept;

static void keep(void *owner, const struct ksm_kept *now)
{
	(void)owner;
	/* It is kept before it is so: whoever is killed in between has not started anything. */
	if (now->driven && !kept.driven)
		ck_assert_uint_eq(get("run"), 0);
	kept = *now;
}

static const struct ksm_keeper keeper = {.keep = keep};

/* As after a lodged that was killed. */
static bool begin_anew(void)
{
	const struct ksm_keeper next = {.found = kept, .keep = keep};

	return ksm_begin(&ksm, played.path, &next);
}

static void set_up(void)
{
	played_root_make(&played);
	kept = (struct ksm_kept){0};
	put("run", 0);
	put("pages_to_scan", 123);
	put("sleep_millisecs", 20);
	put("full_scans", 7);
	put("pages_sharing", 0);
	put("general_profit", 0);
	ck_assert(!ksm_begin(&ksm, played.path, &keeper));
	need = (struct ksm_need){.budget_bytes = 8 * MEMORY_GIB,
				 .demand_bytes = 4 * MEMORY_GIB,
				 .mergeable_bytes = 6 * MEMORY_GIB};
	now_ms = 1000;
}

static void tear_down(void)
{
	played_root_remove(&played);
}

static enum ksm_event look(uint64_t demand)
{
	now_ms += KSM_LOOK_MS;
	need.demand_bytes = demand;
	return ksm_look(&ksm, &need, now_ms);
}

/* So much of what can be merged is saved. */
static void save(uint64_t bytes)
{
	put("pages_sharing", bytes / (uint64_t)sysconf(_SC_PAGESIZE));
	put("general_profit", bytes);
}

START_TEST(it_runs_while_memory_is_scarce)
{
	ck_assert_int_eq(look(7 * MEMORY_GIB), KSM_NOTHING);
	ck_assert_uint_eq(get("run"), 0);
	ck_assert_uint_eq(get("pages_to_scan"), 123);
	ck_assert_int_eq(look(15 * MEMORY_GIB / 2), KSM_STARTED);
	ck_assert_uint_eq(get("run"), 1);
	/* Less, and not so much less that it would soon start again. */
	ck_assert_int_eq(look(13 * MEMORY_GIB / 2), KSM_NOTHING);
	ck_assert_uint_eq(get("run"), 1);
	ck_assert_int_eq(look(5 * MEMORY_GIB), KSM_STOPPED);
	ck_assert_uint_eq(get("run"), 0);
	ck_assert_uint_eq(get("pages_to_scan"), 123);
}
END_TEST

START_TEST(the_scarcer_the_faster)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	look(15 * MEMORY_GIB / 2);
	ck_assert_uint_eq(get("pages_to_scan"), 6 * MEMORY_GIB / page / 300 * 20 / 1000);
	look(9 * MEMORY_GIB);
	ck_assert_uint_eq(get("pages_to_scan"), 6 * MEMORY_GIB / page / 60 * 20 / 1000);
	need.mergeable_bytes = 1000 * MEMORY_GIB;
	look(9 * MEMORY_GIB);
	ck_assert_uint_eq(get("pages_to_scan"), 2000);
	need.mergeable_bytes = 100 * MEMORY_MIB;
	look(9 * MEMORY_GIB);
	ck_assert_uint_eq(get("pages_to_scan"), 100);
}
END_TEST

START_TEST(without_anything_to_merge_it_does_not_run)
{
	need.mergeable_bytes = 0;
	ck_assert_int_eq(look(9 * MEMORY_GIB), KSM_NOTHING);
	ck_assert_uint_eq(get("run"), 0);
}
END_TEST

START_TEST(it_rests_when_it_does_not_pay)
{
	ck_assert_int_eq(look(8 * MEMORY_GIB), KSM_STARTED);
	put("full_scans", 9);
	ck_assert_int_eq(look(8 * MEMORY_GIB), KSM_NOTHING);
	put("full_scans", 10);
	ck_assert_int_eq(look(8 * MEMORY_GIB), KSM_POINTLESS);
	ck_assert_uint_eq(get("run"), 0);
	ck_assert_int_eq(look(8 * MEMORY_GIB), KSM_NOTHING);
	now_ms += 600000;
	ck_assert_int_eq(look(8 * MEMORY_GIB), KSM_STARTED);
	put("full_scans", 13);
	ck_assert_int_eq(look(8 * MEMORY_GIB), KSM_POINTLESS);
	/* For twice as long. */
	now_ms += 600000;
	ck_assert_int_eq(look(8 * MEMORY_GIB), KSM_NOTHING);
	now_ms += 600000;
	ck_assert_int_eq(look(8 * MEMORY_GIB), KSM_STARTED);
	put("full_scans", 16);
	save(500 * MEMORY_MIB);
	ck_assert_int_eq(look(8 * MEMORY_GIB), KSM_NOTHING);
	ck_assert_uint_eq(get("run"), 1);
}
END_TEST

START_TEST(who_runs_it_already_goes_on)
{
	put("run", 1);
	ck_assert_int_eq(look(9 * MEMORY_GIB), KSM_TAKEN);
	ck_assert_int_eq(look(MEMORY_GIB), KSM_NOTHING);
	ksm_end(&ksm);
	ck_assert_uint_eq(get("run"), 1);
	ck_assert_uint_eq(get("pages_to_scan"), 123);
}
END_TEST

START_TEST(who_turns_it_off_is_obeyed)
{
	ck_assert_int_eq(look(9 * MEMORY_GIB), KSM_STARTED);
	put("run", 2);
	ck_assert_int_eq(look(9 * MEMORY_GIB), KSM_TAKEN);
	ck_assert_int_eq(look(9 * MEMORY_GIB), KSM_NOTHING);
	ksm_end(&ksm);
	ck_assert_uint_eq(get("run"), 2);
}
END_TEST

START_TEST(in_the_end_it_is_as_it_was)
{
	ck_assert_int_eq(look(9 * MEMORY_GIB), KSM_STARTED);
	ksm_end(&ksm);
	ck_assert_uint_eq(get("run"), 0);
	ck_assert_uint_eq(get("pages_to_scan"), 123);
	ck_assert_int_eq(look(9 * MEMORY_GIB), KSM_NOTHING);
}
END_TEST

START_TEST(what_who_was_killed_drove_is_taken_back)
{
	uint64_t pages;

	ck_assert_int_eq(look(9 * MEMORY_GIB), KSM_STARTED);
	look(8 * MEMORY_GIB);
	pages = get("pages_to_scan");
	ck_assert(kept.driven);
	ck_assert(begin_anew());
	/* At first it does not know what VMs want. */
	ck_assert_int_eq(look(0), KSM_NOTHING);
	ck_assert_int_eq(look(8 * MEMORY_GIB), KSM_NOTHING);
	ck_assert_uint_eq(get("run"), 1);
	ck_assert_uint_eq(get("pages_to_scan"), pages);
	ck_assert_int_eq(look(MEMORY_GIB), KSM_STOPPED);
	ck_assert_uint_eq(get("run"), 0);
	ck_assert_uint_eq(get("pages_to_scan"), 123);
	ck_assert(!kept.driven);
	ck_assert(!begin_anew());
}
END_TEST

START_TEST(what_was_taken_over_meanwhile_is_somebody_elses)
{
	ck_assert_int_eq(look(9 * MEMORY_GIB), KSM_STARTED);
	put("pages_to_scan", 77);
	ck_assert(!begin_anew());
	ck_assert(!kept.driven);
	ck_assert_int_eq(look(MEMORY_GIB), KSM_TAKEN);
	ksm_end(&ksm);
	ck_assert_uint_eq(get("run"), 1);
	ck_assert_uint_eq(get("pages_to_scan"), 77);
}
END_TEST

START_TEST(what_was_turned_off_meanwhile_is_not_ended)
{
	ck_assert_int_eq(look(9 * MEMORY_GIB), KSM_STARTED);
	put("run", 2);
	ck_assert(!begin_anew());
	ksm_end(&ksm);
	ck_assert_uint_eq(get("run"), 2);
	/* And who turns it off while we drive it is not taken for us later. */
	put("run", 0);
	begin_anew();
	ck_assert_int_eq(look(9 * MEMORY_GIB), KSM_STARTED);
	put("run", 0);
	ck_assert_int_eq(look(9 * MEMORY_GIB), KSM_TAKEN);
	ck_assert(!kept.driven);
}
END_TEST

START_TEST(it_is_not_looked_at_too_often)
{
	ck_assert_int_eq(look(4 * MEMORY_GIB), KSM_NOTHING);
	need.demand_bytes = 9 * MEMORY_GIB;
	ck_assert_int_eq(ksm_look(&ksm, &need, now_ms + KSM_LOOK_MS - 1), KSM_NOTHING);
	ck_assert_int_eq(ksm_look(&ksm, &need, now_ms + KSM_LOOK_MS), KSM_STARTED);
}
END_TEST

START_TEST(a_kernel_without_it_is_left_alone)
{
	tear_down();
	played_root_make(&played);
	ck_assert_int_eq(look(9 * MEMORY_GIB), KSM_REFUSED);
	ck_assert_int_eq(look(9 * MEMORY_GIB), KSM_NOTHING);
	ck_assert_uint_eq(ksm_saved(played.path), 0);
}
END_TEST

/* Before Linux 6.4 the kernel does not tell what it costs. */
START_TEST(its_cost_is_counted_without_the_kernels_word)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	char path[256];

	put("run", 1);
	put("pages_sharing", 1000);
	put("pages_shared", 10);
	put("pages_unshared", 5000);
	put("pages_volatile", 90);
	ck_assert_uint_eq(ksm_saved(played.path), 0);
	snprintf(path, sizeof(path), "%s" KSM "general_profit", played.path);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_uint_eq(ksm_saved(played.path), 1000 * page - (uint64_t)6100 * 64);
	put("pages_unshared", UINT64_MAX / 128);
	ck_assert_uint_eq(ksm_saved(played.path), 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("ksm");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, it_runs_while_memory_is_scarce);
	tcase_add_test(tests, the_scarcer_the_faster);
	tcase_add_test(tests, without_anything_to_merge_it_does_not_run);
	tcase_add_test(tests, it_rests_when_it_does_not_pay);
	tcase_add_test(tests, who_runs_it_already_goes_on);
	tcase_add_test(tests, who_turns_it_off_is_obeyed);
	tcase_add_test(tests, in_the_end_it_is_as_it_was);
	tcase_add_test(tests, what_who_was_killed_drove_is_taken_back);
	tcase_add_test(tests, what_was_taken_over_meanwhile_is_somebody_elses);
	tcase_add_test(tests, what_was_turned_off_meanwhile_is_not_ended);
	tcase_add_test(tests, it_is_not_looked_at_too_often);
	tcase_add_test(tests, a_kernel_without_it_is_left_alone);
	tcase_add_test(tests, its_cost_is_counted_without_the_kernels_word);
	return suite_run_case("ksm", tests);
}

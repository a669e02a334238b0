/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/memory_figures.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

struct named {
	const char *name;
	unsigned long long value;
};

static struct memory_figures read_named(const struct named *list, size_t count)
{
	virTypedParameter parameters[16] = {0};
	struct memory_figures figures;

	memset(&figures, 0xff, sizeof(figures));
	ck_assert_uint_le(count, ARRAY_SIZE(parameters));
	for (size_t i = 0; i < count; i++) {
		strcpy(parameters[i].field, list[i].name);
		parameters[i].type = VIR_TYPED_PARAM_ULLONG;
		parameters[i].value.ul = list[i].value;
	}
	memory_figures_read(parameters, (int)count, &figures);
	return figures;
}

/* As libvirt 9.0 tells them of a Debian guest. */
START_TEST(all_are_read)
{
	static const struct named list[] = {
		{"balloon.current", 1 << 20}, {"balloon.maximum", 2 << 20},
		{"balloon.swap_in", 8},	      {"balloon.swap_out", 16},
		{"balloon.major_fault", 7},   {"balloon.minor_fault", 70000},
		{"balloon.unused", 100},      {"balloon.available", 900000},
		{"balloon.usable", 500},      {"balloon.last-update", 1700000000},
		{"balloon.disk_caches", 400}, {"balloon.hugetlb_pgalloc", 0},
		{"balloon.rss", 3 << 19},
	};
	struct memory_figures figures = read_named(list, ARRAY_SIZE(list));

	ck_assert_uint_eq(figures.actual_bytes, GIB);
	ck_assert_uint_eq(figures.maximum_bytes, 2 * GIB);
	ck_assert_uint_eq(figures.process_bytes, 3 * GIB / 2);
	ck_assert_uint_eq(figures.free_bytes, 100 << 10);
	ck_assert(figures.has_available);
	ck_assert_uint_eq(figures.available_bytes, 500 << 10);
	ck_assert_uint_eq(figures.cache_bytes, 400 << 10);
	ck_assert_uint_eq(figures.swapped_in_bytes, 8 << 10);
	ck_assert_uint_eq(figures.swapped_out_bytes, 16 << 10);
	ck_assert_uint_eq(figures.told_s, 1700000000);
}
END_TEST

/* Of a domain that is busy libvirt tells this alone. */
START_TEST(what_is_not_told_is_nothing)
{
	static const struct named list[] = {
		{"balloon.current", 1024},
		{"balloon.maximum", 2048},
	};
	struct memory_figures figures = read_named(list, ARRAY_SIZE(list));

	ck_assert_uint_eq(figures.actual_bytes, 1 << 20);
	ck_assert_uint_eq(figures.told_s, 0);
	ck_assert_uint_eq(figures.free_bytes, 0);
	ck_assert(!figures.has_available);
}
END_TEST

START_TEST(nonsense_is_large)
{
	static const struct named list[] = {
		{"balloon.unused", UINT64_MAX},
		{"balloon.usable", UINT64_MAX >> 10},
		{"balloon.swap_in", (UINT64_MAX >> 10) + 1},
	};
	struct memory_figures figures = read_named(list, ARRAY_SIZE(list));

	ck_assert_uint_eq(figures.free_bytes, UINT64_MAX);
	ck_assert_uint_eq(figures.available_bytes, UINT64_MAX >> 10 << 10);
	ck_assert_uint_eq(figures.swapped_in_bytes, UINT64_MAX);
}
END_TEST

START_TEST(other_types_are_ignored)
{
	virTypedParameter parameter = {.field = "balloon.current", .type = VIR_TYPED_PARAM_INT};
	struct memory_figures figures;

	parameter.value.ul = 77;
	memory_figures_read(&parameter, 1, &figures);
	ck_assert_uint_eq(figures.actual_bytes, 0);
}
END_TEST

START_TEST(a_busy_domain_tells_sizes_alone)
{
	struct memory_figures last = {0}, told = {
						  .actual_bytes = 2 * GIB,
						  .maximum_bytes = 4 * GIB,
						  .process_bytes = GIB,
						  .told_s = 100,
						  .free_bytes = 5,
						  .swapped_in_bytes = 6,
					  };
	struct memory_figures busy = {.actual_bytes = 3 * GIB, .maximum_bytes = 4 * GIB};

	ck_assert(memory_figures_update(&last, &told));
	ck_assert(!memory_figures_update(&last, &told));
	ck_assert(!memory_figures_update(&last, &busy));
	ck_assert_uint_eq(last.actual_bytes, 3 * GIB);
	ck_assert_uint_eq(last.process_bytes, GIB);
	ck_assert_uint_eq(last.free_bytes, 5);
	ck_assert_uint_eq(last.swapped_in_bytes, 6);
	/* What was told before is no news because the domain was busy in between. */
	ck_assert(!memory_figures_update(&last, &told));
	told.told_s = 101;
	told.process_bytes = 0;
	ck_assert(memory_figures_update(&last, &told));
	ck_assert_uint_eq(last.process_bytes, GIB);
}
END_TEST

/* A guest of 512 MiB, of which 400 MiB are free and 300 MiB were never touched. */
START_TEST(what_qemu_needs_is_not_the_guests)
{
	struct memory_figures last = {0}, told = {
						  .actual_bytes = GIB / 2,
						  .maximum_bytes = GIB / 2,
						  .process_bytes = 312 * MIB,
						  .told_s = 100,
						  .free_bytes = 400 * MIB,
					  };

	ck_assert(memory_figures_update(&last, &told));
	ck_assert_uint_eq(memory_figures_resident(&last), 312 * MIB);
	/* At rest, but as much could be the guest's. */
	told.told_s++;
	ck_assert(memory_figures_update(&last, &told));
	ck_assert_uint_eq(memory_figures_resident(&last), 312 * MIB - MEMORY_BESIDE_MAX);
	/* It moves: what it has now, and what was free a second ago. */
	told.told_s++;
	told.free_bytes = 200 * MIB;
	ck_assert(memory_figures_update(&last, &told));
	ck_assert_uint_eq(last.beside_bytes, MEMORY_BESIDE_MAX);
	/* At rest it uses 462 MiB, so 60 MiB are QEMU's. */
	told.free_bytes = 50 * MIB;
	told.process_bytes = 522 * MIB;
	for (unsigned int i = 0; i < 2; i++) {
		told.told_s++;
		ck_assert(memory_figures_update(&last, &told));
	}
	ck_assert_uint_eq(last.beside_bytes, 60 * MIB);
	ck_assert_uint_eq(memory_figures_resident(&last), 462 * MIB);
	/* It freed memory, which is still resident. */
	told.free_bytes = 300 * MIB;
	for (unsigned int i = 0; i < 2; i++) {
		told.told_s++;
		ck_assert(memory_figures_update(&last, &told));
	}
	ck_assert_uint_eq(memory_figures_resident(&last), 462 * MIB);
}
END_TEST

/* Less is resident than it uses: huge pages of their own, or swap. */
START_TEST(what_is_not_resident_tells_nothing)
{
	struct memory_figures last = {0}, told = {
						  .actual_bytes = GIB,
						  .maximum_bytes = GIB,
						  .process_bytes = 40 * MIB,
						  .told_s = 100,
						  .free_bytes = 200 * MIB,
					  };

	for (unsigned int i = 0; i < 3; i++) {
		told.told_s++;
		ck_assert(memory_figures_update(&last, &told));
	}
	ck_assert_uint_eq(memory_figures_resident(&last), 40 * MIB);
	/* Nor does nonsense. */
	told.free_bytes = UINT64_MAX;
	for (unsigned int i = 0; i < 3; i++) {
		told.told_s++;
		ck_assert(memory_figures_update(&last, &told));
	}
	ck_assert_uint_eq(memory_figures_resident(&last), 40 * MIB);
}
END_TEST

int main(void)
{
	TCase *test = tcase_create("memory_figures");

	tcase_add_test(test, all_are_read);
	tcase_add_test(test, what_is_not_told_is_nothing);
	tcase_add_test(test, nonsense_is_large);
	tcase_add_test(test, other_types_are_ignored);
	tcase_add_test(test, a_busy_domain_tells_sizes_alone);
	tcase_add_test(test, what_qemu_needs_is_not_the_guests);
	tcase_add_test(test, what_is_not_resident_tells_nothing);
	return suite_run_case("memory_figures", test);
}

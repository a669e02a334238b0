/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/memory_ksm.h"

#include "host/daemon/lodged.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define BOOT	"6d2e9d3e-7b0c-4a55-8b8f-0a5d5a1c1f11"

static const struct ksm_kept driven = {.driven = true, .pages_before = 100, .pages = 1234};
/* The runtime folder, too. */
static char root[64];
static struct ksm_kept kept;

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", root, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void set_up(void)
{
	static const char *const folders[] = {"/proc", "/proc/sys", "/proc/sys/kernel",
					      "/proc/sys/kernel/random"};
	char path[128];

	strcpy(root, "/tmp/memory-ksm.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", root, folders[i]);
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
	put(BOOT_ID, BOOT "\n");
	kept = driven;
}

static void tear_down(void)
{
	remove_folder(root);
}

START_TEST(what_is_driven_is_known_to_the_next_one)
{
	memory_ksm_read(root, root, &kept);
	ck_assert(!kept.driven);
	ck_assert_int_eq(memory_ksm_keep(root, root, &driven), 0);
	memory_ksm_read(root, root, &kept);
	ck_assert(kept.driven);
	ck_assert_uint_eq(kept.pages_before, 100);
	ck_assert_uint_eq(kept.pages, 1234);
}
END_TEST

START_TEST(what_has_ended_is_not)
{
	const struct ksm_kept nothing = {0};

	ck_assert_int_eq(memory_ksm_keep(root, root, &driven), 0);
	ck_assert_int_eq(memory_ksm_keep(root, root, &nothing), 0);
	memory_ksm_read(root, root, &kept);
	ck_assert(!kept.driven);
	ck_assert_int_eq(memory_ksm_keep(root, root, &nothing), 0);
}
END_TEST

START_TEST(after_the_next_boot_it_is_somebody_elses)
{
	ck_assert_int_eq(memory_ksm_keep(root, root, &driven), 0);
	put(BOOT_ID, "f1b8c1f0-3a8e-4a1b-9d0e-5d1f0c9a7e22\n");
	memory_ksm_read(root, root, &kept);
	ck_assert(!kept.driven);
}
END_TEST

START_TEST(nonsense_is_nothing)
{
	static const char *const nonsense[] = {
		"", "[]", "{\"boot\": 7, \"pages_before\": 1, \"pages\": 1}",
		"{\"boot\": \"" BOOT "\", \"pages_before\": -1, \"pages\": 1}",
		"{\"boot\": \"" BOOT "\", \"pages_before\": 1}"};

	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		put("/memory-ksm.json", nonsense[i]);
		kept = driven;
		memory_ksm_read(root, root, &kept);
		ck_assert(!kept.driven);
		ck_assert_uint_eq(kept.pages_before + kept.pages, 0);
	}
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("memory_ksm");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, what_is_driven_is_known_to_the_next_one);
	tcase_add_test(tests, what_has_ended_is_not);
	tcase_add_test(tests, after_the_next_boot_it_is_somebody_elses);
	tcase_add_test(tests, nonsense_is_nothing);
	return suite_run_case("memory_ksm", tests);
}

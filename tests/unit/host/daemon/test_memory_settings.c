/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/memory_settings.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64], file[96];

static void set_up(void)
{
	strcpy(folder, "/tmp/memory-settings.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/" MEMORY_SETTINGS_FILE, folder);
}

static void tear_down(void)
{
	unlink(file);
	ck_assert_int_eq(rmdir(folder), 0);
}

static const struct memory_settings standard = {MEMORY_MODE_ON, MEMORY_SPEED_NORMAL, 0, 0, false,
						false};

static void check(const struct memory_settings *expected)
{
	struct memory_settings read = {MEMORY_MODE_OFF, MEMORY_SPEED_CALM, 1, 1,
				       !expected->ksm,	!expected->whole};

	memory_settings_read(folder, &read);
	ck_assert_int_eq(read.mode, expected->mode);
	ck_assert_int_eq(read.speed, expected->speed);
	ck_assert_uint_eq(read.reserve_bytes, expected->reserve_bytes);
	ck_assert_uint_eq(read.total_bytes, expected->total_bytes);
	ck_assert_int_eq(read.ksm, expected->ksm);
	ck_assert_int_eq(read.whole, expected->whole);
}

START_TEST(what_is_written_is_read)
{
	const struct memory_settings settings = {MEMORY_MODE_DRY_RUN,
						 MEMORY_SPEED_QUICK,
						 512 * MEMORY_MIB,
						 3 * MEMORY_GIB,
						 true,
						 true};

	check(&standard);
	ck_assert_int_eq(memory_settings_write(folder, &settings), 0);
	check(&settings);
}
END_TEST

static const char *const nonsense[] = {
	"",
	"[]",
	"{\"mode\": 3, \"speed\": null, \"reserve\": \"x\", \"total\": -5, \"ksm\": 7}",
	"{\"mode\": \"on\", \"overcommit\": 1}",
	"{\"mode\": \"sometimes\", \"speed\": \"\", \"total\": 0}",
};

START_TEST(nonsense_is_as_no_file)
{
	FILE *out = fopen(file, "w");

	ck_assert_ptr_nonnull(out);
	fputs(nonsense[_i], out);
	fclose(out);
	check(&standard);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("memory_settings");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, what_is_written_is_read);
	tcase_add_loop_test(tests, nonsense_is_as_no_file, 0,
			    sizeof(nonsense) / sizeof(nonsense[0]));
	return suite_run_case("memory_settings", tests);
}

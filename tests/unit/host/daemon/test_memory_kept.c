/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/memory_kept.h"

#include "host/daemon/lodged.h"
#include "host/daemon/vm.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char runtime[64], path[96];
static struct vm vm;

static void set_up(void)
{
	strcpy(runtime, "/tmp/memory-kept.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(runtime));
	/* A domain's, of which nothing has been kept: two folders are to be made. */
	snprintf(path, sizeof(path), "%s/domain/system-1", runtime);
	vm = (struct vm){.path = path, .pid = 1234};
}

static void tear_down(void)
{
	remove_folder(runtime);
}

START_TEST(a_pause_is_kept_until_it_ends)
{
	ck_assert(!memory_is_kept(&vm, MEMORY_KEPT_PAUSE));
	ck_assert_int_eq(memory_keep(&vm, MEMORY_KEPT_PAUSE, true), 0);
	ck_assert(memory_is_kept(&vm, MEMORY_KEPT_PAUSE));
	ck_assert_int_eq(memory_keep(&vm, MEMORY_KEPT_PAUSE, false), 0);
	ck_assert(!memory_is_kept(&vm, MEMORY_KEPT_PAUSE));
	ck_assert_int_eq(memory_keep(&vm, MEMORY_KEPT_PAUSE, false), 0);
}
END_TEST

START_TEST(a_limit_is_not_a_pause)
{
	ck_assert_int_eq(memory_keep(&vm, MEMORY_KEPT_LIMIT, true), 0);
	ck_assert(memory_is_kept(&vm, MEMORY_KEPT_LIMIT));
	ck_assert(!memory_is_kept(&vm, MEMORY_KEPT_PAUSE));
	ck_assert_int_eq(memory_keep(&vm, MEMORY_KEPT_PAUSE, false), 0);
	ck_assert(memory_is_kept(&vm, MEMORY_KEPT_LIMIT));
	ck_assert_int_eq(memory_keep(&vm, MEMORY_KEPT_LIMIT, false), 0);
	ck_assert(!memory_is_kept(&vm, MEMORY_KEPT_LIMIT));
}
END_TEST

START_TEST(a_vm_that_was_started_anew_was_not_paused)
{
	ck_assert_int_eq(memory_keep(&vm, MEMORY_KEPT_PAUSE, true), 0);
	vm.pid = 1235;
	ck_assert(!memory_is_kept(&vm, MEMORY_KEPT_PAUSE));
}
END_TEST

START_TEST(nonsense_is_no_pause)
{
	char file[128];
	FILE *out;

	ck_assert_int_eq(memory_keep(&vm, MEMORY_KEPT_PAUSE, true), 0);
	snprintf(file, sizeof(file), "%s/memory-pause.json", path);
	out = fopen(file, "w");
	ck_assert_ptr_nonnull(out);
	fputs("{\"pid\": \"1234\"}", out);
	fclose(out);
	ck_assert(!memory_is_kept(&vm, MEMORY_KEPT_PAUSE));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("memory_kept");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_pause_is_kept_until_it_ends);
	tcase_add_test(tests, a_limit_is_not_a_pause);
	tcase_add_test(tests, a_vm_that_was_started_anew_was_not_paused);
	tcase_add_test(tests, nonsense_is_no_pause);
	return suite_run_case("memory_kept", tests);
}

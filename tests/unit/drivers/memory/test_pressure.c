/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel is asked for; that it answers, real guests show (tests/rig/guest/memory.py). */
#include "drivers/memory/pressure.h"
#include "tests/unit/guest-agent/memory_folder.h"
#include "tests/unit/suite.h"

#include <errno.h>

static uv_loop_t loop;
static unsigned int hits;

static void setup(void)
{
	make_memory();
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	hits = 0;
}

static void teardown(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	remove_folder();
}

static void on_hit(void *owner)
{
	(void)owner;
	hits++;
}

START_TEST(kernels_without_psi_have_no_trigger)
{
	struct pressure_trigger *trigger = NULL;

	ck_assert_int_eq(pressure_trigger_new(&loop, folder, 1000, on_hit, NULL, &trigger),
			 -ENOENT);
	ck_assert_ptr_null(trigger);
	pressure_trigger_free(trigger);
}
END_TEST

/* A file takes the order, and cannot be waited for. */
START_TEST(the_order_is_stall_and_window_with_a_final_zero)
{
	static const char expected[] = "some 100000 1000000";
	struct pressure_trigger *trigger = NULL;
	char text[sizeof(expected)];
	FILE *file;

	make_file("proc/pressure/memory", "");
	ck_assert_int_eq(pressure_trigger_new(&loop, folder, 100000, on_hit, NULL, &trigger),
			 -EPERM);
	file = fopen(in_folder("proc/pressure/memory"), "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fread(text, 1, sizeof(text), file), sizeof(expected));
	ck_assert_int_eq(fgetc(file), EOF);
	fclose(file);
	ck_assert_mem_eq(text, expected, sizeof(expected));
}
END_TEST

/* A file that is never marked urgent: nothing is called, and all goes away again. */
START_TEST(bytes_are_no_mark)
{
	struct pressure_trigger *trigger = NULL;

	ck_assert_int_eq(mkfifo(in_folder("proc/pressure/memory"), 0600), 0);
	ck_assert_int_eq(pressure_trigger_new(&loop, folder, 100000, on_hit, NULL, &trigger), 0);
	for (int i = 0; i < 3; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(hits, 0);
	pressure_trigger_free(trigger);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("pressure");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, kernels_without_psi_have_no_trigger);
	tcase_add_test(tests, the_order_is_stall_and_window_with_a_final_zero);
	tcase_add_test(tests, bytes_are_no_mark);
	return suite_run_case("pressure", tests);
}

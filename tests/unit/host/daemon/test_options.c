/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/options.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>

static struct vm_options options;
static char error[256];

static void start_with_a_kernel(void)
{
	options = (struct vm_options){0};
	error[0] = '\0';
	vm_option_set_text(&options, vm_option_named("kernel"), "/vmlinuz");
}

static void free_options(void)
{
	vm_options_free(&options);
}

static int complete(void)
{
	return vm_options_complete(&options, error, sizeof(error));
}

START_TEST(what_was_not_said_is_filled_in)
{
	ck_assert_int_eq(complete(), 0);
	ck_assert_uint_eq(options.cpus, 1);
	ck_assert_uint_eq(options.memory, 256ULL << 20);
	ck_assert_str_eq(options.accel, "auto");
	ck_assert_str_eq(options.backend, "auto");
	ck_assert_str_eq(options.net, "user");
	ck_assert_str_eq(options.on_reboot, "restart");
	ck_assert_str_eq(options.on_panic, "stop");
	ck_assert_str_eq(options.display, "on");
	ck_assert_str_eq(options.clipboard, "both");
	ck_assert_str_eq(options.size, OPTION_DEFAULT_SIZE);
	ck_assert_uint_eq(options.heads, OPTION_DEFAULT_HEADS);
	ck_assert_ptr_null(options.vnc);
}
END_TEST

START_TEST(a_kernel_is_needed)
{
	vm_options_free(&options);
	ck_assert_int_eq(complete(), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "--kernel"));
}
END_TEST

static const struct {
	const char *option;
	uint64_t number;
	int result;
} numbers[] = {
	{"cpus", 1, 0},
	{"cpus", 16, 0},
	{"cpus", 17, -EINVAL},
	{"cpus", UINT64_MAX, -EINVAL},
	{"memory", 16ULL << 20, 0},
	{"memory", (16ULL << 20) - 1, -EINVAL},
	{"memory", (16ULL << 20) + 4096, -EINVAL},
	{"memory", 15ULL << 20, -EINVAL},
	{"heads", 1, 0},
	{"heads", 16, 0},
	{"heads", 17, -EINVAL},
};

START_TEST(numbers_have_limits)
{
	vm_option_set_number(&options, vm_option_named(numbers[_i].option), numbers[_i].number);
	ck_assert_int_eq(complete(), numbers[_i].result);
}
END_TEST

static const char *const choices[] = {"accel",	  "backend", "net",	  "on_reboot",
				      "on_panic", "display", "clipboard", "size"};

START_TEST(a_word_nobody_knows_is_refused)
{
	vm_option_set_text(&options, vm_option_named(choices[_i]), "bogus");
	ck_assert_int_eq(complete(), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "bogus"));
}
END_TEST

static const struct {
	const char *size;
	int result;
} sizes[] = {
	{"64x64", 0},
	{"8192x8192", 0},
	{"1920x1080", 0},
	{"63x64", -EINVAL},
	{"8193x600", -EINVAL},
	{"1920", -EINVAL},
	{"1920x", -EINVAL},
	{"x1080", -EINVAL},
	{"1920x1080x", -EINVAL},
	{"", -EINVAL},
	{"1920X1080", -EINVAL},
	{" 640x480", -EINVAL},
	{"-640x480", -EINVAL},
	{"640x480,heads=16", -EINVAL},
};

START_TEST(a_size_is_two_numbers)
{
	vm_option_set_text(&options, vm_option_named("size"), sizes[_i].size);
	ck_assert_int_eq(complete(), sizes[_i].result);
}
END_TEST

START_TEST(what_may_be_pasted_is_a_policy)
{
	vm_option_set_text(&options, vm_option_named("clipboard"),
			   "to-guest=text,images,to-host=off,max=64K,primary=on");
	ck_assert_int_eq(complete(), 0);
	vm_option_set_text(&options, vm_option_named("clipboard"), "to-guest=text,max=512M");
	ck_assert_int_eq(complete(), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "max=512M"));
}
END_TEST

START_TEST(a_vm_without_display_has_no_vnc)
{
	vm_option_set_text(&options, vm_option_named("vnc"), "5901");
	ck_assert_int_eq(complete(), 0);
	vm_option_set_text(&options, vm_option_named("display"), "off");
	ck_assert_int_eq(complete(), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "--vnc"));
}
END_TEST

START_TEST(kinds_are_not_mixed_up)
{
	ck_assert_ptr_null(vm_option_named("colour"));
	ck_assert_int_eq(vm_option_set_text(&options, vm_option_named("cpus"), "1"), -EINVAL);
	ck_assert_int_eq(vm_option_set_number(&options, vm_option_named("kernel"), 1), -EINVAL);
	ck_assert_int_eq(vm_option_add(&options, vm_option_named("kernel"), "x"), -EINVAL);
}
END_TEST

START_TEST(lists_are_bounded)
{
	const struct vm_option *disks = vm_option_named("disks");

	for (int i = 0; i < OPTION_LIST_MAX; i++)
		ck_assert_int_eq(vm_option_add(&options, disks, "/disk"), 0);
	ck_assert_int_eq(vm_option_add(&options, disks, "/disk"), -E2BIG);
	ck_assert_ptr_null(options.disks[OPTION_LIST_MAX]);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("options");

	tcase_add_checked_fixture(tc, start_with_a_kernel, free_options);
	tcase_add_test(tc, what_was_not_said_is_filled_in);
	tcase_add_test(tc, a_kernel_is_needed);
	tcase_add_loop_test(tc, numbers_have_limits, 0, sizeof(numbers) / sizeof(numbers[0]));
	tcase_add_loop_test(tc, a_word_nobody_knows_is_refused, 0,
			    sizeof(choices) / sizeof(choices[0]));
	tcase_add_loop_test(tc, a_size_is_two_numbers, 0, sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_test(tc, what_may_be_pasted_is_a_policy);
	tcase_add_test(tc, a_vm_without_display_has_no_vnc);
	tcase_add_test(tc, kinds_are_not_mixed_up);
	tcase_add_test(tc, lists_are_bounded);
	return suite_run_case("options", tc);
}

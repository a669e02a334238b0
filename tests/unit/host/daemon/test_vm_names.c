/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/lodged.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

static struct lodged lodged;
static struct vm vms[] = {
	{.lodged = &lodged, .name = "ours"},
	{.lodged = &lodged, .name = "both"},
	{.lodged = &lodged, .name = "both", .source = "qemu:///system"},
	{.lodged = &lodged, .name = "two words", .source = "qemu:///system"},
	{.lodged = &lodged, .name = "twice", .source = "qemu:///system"},
	{.lodged = &lodged, .name = "twice", .source = "qemu:///session"},
};
#define VM_COUNT (sizeof(vms) / sizeof(vms[0]))

static void set_up(void)
{
	lodged.vms = NULL;
	for (size_t i = 0; i < VM_COUNT; i++) {
		vms[i].next = lodged.vms;
		lodged.vms = &vms[i];
	}
}

static const struct {
	const char *words;
	int result;
	int vm;
} cases[] = {
	{"ours", 0, 0},
	{"both", 0, 1},
	{"libvirt:both", 0, 2},
	{"qemu:///system/both", 0, 2},
	{"two words", 0, 3},
	{"libvirt:two words", 0, 3},
	{"twice", -ENOTUNIQ, -1},
	{"libvirt:twice", -ENOTUNIQ, -1},
	{"qemu:///system/twice", 0, 4},
	{"qemu:///session/twice", 0, 5},
	{"libvirt:ours", -ENOENT, -1},
	{"qemu:///system/ours", -ENOENT, -1},
	{"qemu:///system", -ENOENT, -1},
	{"nobody", -ENOENT, -1},
	{"", -ENOENT, -1},
};

START_TEST(who_is_meant_is_found)
{
	struct vm *vm = NULL;

	ck_assert_int_eq(vm_look_up(&lodged, cases[_i].words, &vm), cases[_i].result);
	if (cases[_i].vm >= 0)
		ck_assert_ptr_eq(vm, &vms[cases[_i].vm]);
}
END_TEST

START_TEST(each_is_found_by_its_label)
{
	char label[VM_LABEL_MAX];
	struct vm *vm;

	ck_assert_int_eq(vm_look_up(&lodged, vm_label(&vms[_i], label), &vm), 0);
	ck_assert_ptr_eq(vm, &vms[_i]);
}
END_TEST

START_TEST(a_label_is_as_short_as_can_be)
{
	char label[VM_LABEL_MAX];

	ck_assert_str_eq(vm_label(&vms[3], label), "two words");
	ck_assert_str_eq(vm_label(&vms[2], label), "qemu:///system/both");
}
END_TEST

START_TEST(only_ours_are_found_as_ours)
{
	ck_assert_ptr_eq(vm_find(&lodged, "both"), &vms[1]);
	ck_assert_ptr_null(vm_find(&lodged, "two words"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_loop_test(tc, who_is_meant_is_found, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_loop_test(tc, each_is_found_by_its_label, 0, (int)VM_COUNT);
	tcase_add_test(tc, a_label_is_as_short_as_can_be);
	tcase_add_test(tc, only_ours_are_found_as_ours);
	return suite_run_case("vm_names", tc);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/placement.h"

#include <check.h>
#include <errno.h>
#include <string.h>

static const struct {
	const char *accel, *backend;
	enum probe_kvm kvm;
	bool qemu;
	int result;
	const char *gets_accel, *gets_backend;
} cases[] = {
	{"auto", "auto", PROBE_KVM_GOOD, true, 0, "kvm", "vmm"},
	{"auto", "auto", PROBE_KVM_GOOD, false, 0, "kvm", "vmm"},
	{"auto", "libvirt", PROBE_KVM_GOOD, true, 0, "kvm", "libvirt"},
	{"auto", "libvirt", PROBE_KVM_GOOD, false, -ENODEV, NULL, NULL},
	{"auto", "auto", PROBE_KVM_INTERPRETED, true, 0, "tcg", "libvirt"},
	{"auto", "auto", PROBE_KVM_INTERPRETED, false, -ENODEV, NULL, NULL},
	{"auto", "auto", PROBE_KVM_MISSING, true, 0, "tcg", "libvirt"},
	{"auto", "auto", PROBE_KVM_FORBIDDEN, true, 0, "tcg", "libvirt"},
	{"auto", "auto", PROBE_KVM_BROKEN, false, -ENODEV, NULL, NULL},
	{"auto", "vmm", PROBE_KVM_MISSING, true, -EINVAL, NULL, NULL},
	{"kvm", "auto", PROBE_KVM_GOOD, false, 0, "kvm", "vmm"},
	{"kvm", "auto", PROBE_KVM_INTERPRETED, false, 0, "kvm", "vmm"},
	{"kvm", "auto", PROBE_KVM_MISSING, true, -ENODEV, NULL, NULL},
	{"kvm", "auto", PROBE_KVM_FORBIDDEN, true, -ENODEV, NULL, NULL},
	{"kvm", "auto", PROBE_KVM_BROKEN, true, -ENODEV, NULL, NULL},
	{"tcg", "auto", PROBE_KVM_GOOD, true, 0, "tcg", "libvirt"},
	{"tcg", "auto", PROBE_KVM_GOOD, false, -ENODEV, NULL, NULL},
	{"tcg", "vmm", PROBE_KVM_GOOD, true, -EINVAL, NULL, NULL},
};

START_TEST(each_host_gets_what_it_can)
{
	struct probe probe = {
		.kvm = cases[_i].kvm, .qemu = cases[_i].qemu, .libvirt_driver = cases[_i].qemu};
	const struct backend *backend = NULL;
	struct vm_options options = {0};
	char error[256] = "";

	vm_option_set_text(&options, vm_option_named("kernel"), "/vmlinuz");
	vm_option_set_text(&options, vm_option_named("accel"), cases[_i].accel);
	vm_option_set_text(&options, vm_option_named("backend"), cases[_i].backend);
	ck_assert_int_eq(vm_options_complete(&options, error, sizeof(error)), 0);
	ck_assert_int_eq(placement_decide(&options, &probe, &backend, error, sizeof(error)),
			 cases[_i].result);
	if (cases[_i].result == 0) {
		ck_assert_str_eq(options.accel, cases[_i].gets_accel);
		ck_assert_str_eq(options.backend, cases[_i].gets_backend);
		ck_assert_str_eq(backend->name, cases[_i].gets_backend);
	} else {
		ck_assert_str_ne(error, "");
	}
	vm_options_free(&options);
}
END_TEST

/* QEMU's have all their memory from the start; with an accelerator of one's choice, too. */
START_TEST(what_can_grow_needs_lodge_vmm)
{
	struct probe probe = {.kvm = _i ? PROBE_KVM_GOOD : PROBE_KVM_MISSING,
			      .qemu = true,
			      .libvirt_driver = true};
	const struct backend *backend = NULL;
	struct vm_options options = {.memory = 512 << 20, .memory_most = 1024 << 20};
	char error[256] = "";

	vm_option_set_text(&options, vm_option_named("kernel"), "/vmlinuz");
	ck_assert_int_eq(vm_options_complete(&options, error, sizeof(error)), 0);
	ck_assert_uint_eq(vm_options_most(&options), 1024 << 20);
	ck_assert_int_eq(placement_decide(&options, &probe, &backend, error, sizeof(error)),
			 _i ? 0 : -EINVAL);
	ck_assert_int_eq(strstr(error, "lodge-vmm") != NULL, !_i);
	options.memory_most = 512 << 20;
	ck_assert_int_eq(vm_options_complete(&options, error, sizeof(error)), -EINVAL);
	options.memory_most = UINT64_C(4096) << 20;
	ck_assert_int_eq(vm_options_complete(&options, error, sizeof(error)), 0);
	options.memory_most += 128 << 20;
	ck_assert_int_eq(vm_options_complete(&options, error, sizeof(error)), -EINVAL);
	vm_options_free(&options);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("placement");
	TCase *tc = tcase_create("placement");

	tcase_add_loop_test(tc, each_host_gets_what_it_can, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_loop_test(tc, what_can_grow_needs_lodge_vmm, 0, 2);
	suite_add_tcase(suite, tc);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

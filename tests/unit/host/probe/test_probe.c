/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/probe/probe.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static void make_root(void)
{
	strcpy(root, "/tmp/lodge-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

static void remove_root(void)
{
	ck_assert_int_eq(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void put(const char *folder, const char *name, const char *text)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, folder);
	for (char *at = path + strlen(root) + 1; at; *at++ = '/') {
		at = strchr(at, '/');
		if (at)
			*at = '\0';
		mkdir(path, 0755);
		if (!at)
			break;
	}
	if (!name)
		return;
	snprintf(path, sizeof(path), "%s/%s/%s", root, folder, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static struct probe look(void)
{
	struct probe probe;

	probe_host(root, &probe);
	return probe;
}

static const struct {
	const char *cpuinfo;
	bool virtualizes;
} processors[] = {
	{"", false},
	{"processor\t: 0\nflags\t\t: fpu svm sse\n", true},
	{"flags\t\t: fpu vme vmx\n", true},
	{"flags\t\t: vmx fpu\n", true},
	{"flags\t\t: fpu svm_lock vmxoff novmx\n", false},
	{"model name\t: svm vmx\nflags\t\t: fpu\n", false},
	{"flags\t\t: fpu\nprocessor\t: 1\nflags\t\t: svm\n", false},
};

START_TEST(the_processor_says_whether_it_virtualizes)
{
	put("proc", "cpuinfo", processors[_i].cpuinfo);
	ck_assert(look().cpu_virtualizes == processors[_i].virtualizes);
}
END_TEST

START_TEST(an_empty_host_has_no_kvm)
{
	struct probe probe = look();

	ck_assert_int_eq(probe.kvm, PROBE_KVM_MISSING);
	ck_assert(!probe.cpu_virtualizes);
}
END_TEST

START_TEST(a_file_that_opens_is_not_kvm)
{
	put("dev", "kvm", "");
	ck_assert_int_eq(look().kvm, PROBE_KVM_BROKEN);
	ck_assert_int_ne(look().kvm_error, 0);
}
END_TEST

START_TEST(a_file_that_may_not_be_opened_is_forbidden)
{
	char path[96];

	put("dev", "kvm", "");
	snprintf(path, sizeof(path), "%s/dev/kvm", root);
	ck_assert_int_eq(chmod(path, 0), 0);
	ck_assert_int_eq(chmod(root, 0755), 0);
	/* Root may open it all the same: as somebody else. */
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(look().kvm, PROBE_KVM_FORBIDDEN);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

/* The machine's own KVM, if it has one, behind a made-up processor. */
START_TEST(kvm_pvm_is_told_from_hardware)
{
	char path[96];
	struct probe probe;

	if (access("/dev/kvm", R_OK | W_OK) < 0)
		return;
	put("dev", NULL, NULL);
	snprintf(path, sizeof(path), "%s/dev/kvm", root);
	ck_assert_int_eq(symlink("/dev/kvm", path), 0);
	put("proc", "cpuinfo", "flags\t\t: fpu sse\n");
	ck_assert_int_eq(look().kvm, PROBE_KVM_GOOD);
	put("sys/module/kvm_pvm", NULL, NULL);
	probe = look();
	ck_assert_int_eq(probe.kvm, PROBE_KVM_INTERPRETED);
	put("proc", "cpuinfo", "flags\t\t: fpu svm\n");
	ck_assert_int_eq(look().kvm, PROBE_KVM_GOOD);
}
END_TEST

START_TEST(processors_and_memory_are_counted)
{
	struct probe probe;

	put("proc", "cpuinfo", "processor\t: 0\nflags\t: fpu\n\nprocessor\t: 1\nflags\t: fpu\n");
	put("proc", "meminfo", "MemTotal:  2048 kB\nMemFree: 1 kB\nMemAvailable:   1024 kB\n");
	probe = look();
	ck_assert_uint_eq(probe.cpus, 2);
	ck_assert_uint_eq(probe.memory_total_bytes, 2048 << 10);
	ck_assert_uint_eq(probe.memory_available_bytes, 1024 << 10);
}
END_TEST

START_TEST(tcg_needs_qemu_and_libvirts_driver)
{
	char path[96];

	ck_assert_str_eq(probe_accelerator(&(struct probe){.kvm = PROBE_KVM_GOOD}), "kvm");
	put("usr/bin", "qemu-system-x86_64", "");
	snprintf(path, sizeof(path), "%s/usr/bin/qemu-system-x86_64", root);
	ck_assert(!look().qemu);
	ck_assert_int_eq(chmod(path, 0755), 0);
	ck_assert(look().qemu);
	ck_assert_str_eq(probe_accelerator(&(struct probe){.kvm = look().kvm, .qemu = true}), "");
	put("usr/lib64/libvirt/connection-driver", "libvirt_driver_qemu.so", "");
	ck_assert(look().libvirt_driver);
	ck_assert_str_eq(probe_accelerator(&(struct probe){
				 .kvm = PROBE_KVM_MISSING, .qemu = true, .libvirt_driver = true}),
			 "tcg");
}
END_TEST

START_TEST(every_verdict_has_words)
{
	ck_assert_str_ne(probe_kvm_text((enum probe_kvm)_i), "");
	ck_assert(_i == PROBE_KVM_GOOD || *probe_kvm_advice((enum probe_kvm)_i));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("probe");
	TCase *tc = tcase_create("probe");

	tcase_add_checked_fixture(tc, make_root, remove_root);
	tcase_add_loop_test(tc, the_processor_says_whether_it_virtualizes, 0,
			    sizeof(processors) / sizeof(processors[0]));
	tcase_add_test(tc, an_empty_host_has_no_kvm);
	tcase_add_test(tc, a_file_that_opens_is_not_kvm);
	tcase_add_test(tc, a_file_that_may_not_be_opened_is_forbidden);
	tcase_add_test(tc, kvm_pvm_is_told_from_hardware);
	tcase_add_test(tc, processors_and_memory_are_counted);
	tcase_add_test(tc, tcg_needs_qemu_and_libvirts_driver);
	tcase_add_loop_test(tc, every_verdict_has_words, PROBE_KVM_GOOD, PROBE_KVM_INTERPRETED + 1);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}

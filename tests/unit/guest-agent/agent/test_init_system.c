/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/init_system.h"
#include "tests/unit/guest-agent/folder.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_process(const char *program, const char *arguments, size_t length)
{
	FILE *file;

	mkdir(in_folder("proc"), 0755);
	mkdir(in_folder("proc/1"), 0755);
	unlink(in_folder("proc/1/exe"));
	ck_assert_int_eq(symlink(program, in_folder("proc/1/exe")), 0);
	file = fopen(in_folder("proc/1/cmdline"), "w");
	fwrite(arguments, length, 1, file);
	fclose(file);
}

#define PROCESS(program, arguments) make_process(program, arguments, sizeof(arguments))

START_TEST(systemd_is_known_by_its_folder)
{
	mkdir(in_folder("run"), 0755);
	mkdir(in_folder("run/systemd"), 0755);
	ck_assert_int_eq(init_system_detect(folder), INIT_OTHER);
	mkdir(in_folder("run/systemd/system"), 0755);
	ck_assert_int_eq(init_system_detect(folder), INIT_SYSTEMD);
}
END_TEST

START_TEST(busybox_is_init_only_when_called_so)
{
	PROCESS("/bin/busybox", "init");
	ck_assert_int_eq(init_system_detect(folder), INIT_BUSYBOX);
	PROCESS("/bin/busybox", "/sbin/init\0splash");
	ck_assert_int_eq(init_system_detect(folder), INIT_BUSYBOX);
	PROCESS("/bin/busybox", "busybox\0init");
	ck_assert_int_eq(init_system_detect(folder), INIT_BUSYBOX);
	PROCESS("/bin/busybox", "/bin/sh\0/init");
	ck_assert_int_eq(init_system_detect(folder), INIT_SHELL);
	PROCESS("/bin/busybox", "busybox");
	ck_assert_int_eq(init_system_detect(folder), INIT_SHELL);
}
END_TEST

START_TEST(scripts_and_others_are_told_apart)
{
	PROCESS("/usr/bin/dash", "/bin/sh\0/init");
	ck_assert_int_eq(init_system_detect(folder), INIT_SHELL);
	PROCESS("/sbin/openrc-init", "/sbin/openrc-init");
	ck_assert_int_eq(init_system_detect(folder), INIT_OTHER);
	remove_folder();
	ck_assert_int_eq(init_system_detect(folder), INIT_OTHER);
	make_folder();
}
END_TEST

START_TEST(signals_are_those_documented)
{
	ck_assert_int_eq(init_system_signal(INIT_SYSTEMD, POWER_HALT), SIGRTMIN + 3);
	ck_assert_int_eq(init_system_signal(INIT_SYSTEMD, POWER_OFF), SIGRTMIN + 4);
	ck_assert_int_eq(init_system_signal(INIT_SYSTEMD, POWER_REBOOT), SIGRTMIN + 5);
	ck_assert_int_eq(init_system_signal(INIT_BUSYBOX, POWER_OFF), SIGUSR2);
	ck_assert_int_eq(init_system_signal(INIT_BUSYBOX, POWER_REBOOT), SIGTERM);
	ck_assert_int_eq(init_system_signal(INIT_SHELL, POWER_OFF), 0);
	ck_assert_int_eq(init_system_signal(INIT_OTHER, POWER_OFF), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("init system");

	tcase_add_checked_fixture(tc, make_folder, remove_folder);
	tcase_add_test(tc, systemd_is_known_by_its_folder);
	tcase_add_test(tc, busybox_is_init_only_when_called_so);
	tcase_add_test(tc, scripts_and_others_are_told_apart);
	tcase_add_test(tc, signals_are_those_documented);
	return suite_run_case("init system", tc);
}

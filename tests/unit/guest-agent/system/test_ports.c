/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/ports.h"
#include "tests/unit/guest-agent/folder.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(a_port_is_found_by_its_name)
{
	char device[64];

	mkdir(in_folder("vport0p1"), 0755);
	mkdir(in_folder("vport0p2"), 0755);
	mkdir(in_folder("vport0p3"), 0755);
	make_file("vport0p1/name", "org.lodge.agent.00\n");
	make_file("vport0p2/name", "org.lodge.agent.0\n");
	ck_assert_int_eq(ports_find(folder, PORT_NAME, device, sizeof(device)), 0);
	ck_assert_str_eq(device, "/dev/vport0p2");
	ck_assert_int_eq(ports_find(folder, PORT_NAME, device, 8), -ENAMETOOLONG);
	ck_assert_int_eq(ports_find(folder, "other", device, sizeof(device)), -ENOENT);
	ck_assert_int_eq(ports_find("/there/is/none", PORT_NAME, device, sizeof(device)), -ENOENT);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("ports");

	tcase_add_checked_fixture(tc, make_folder, remove_folder);
	tcase_add_test(tc, a_port_is_found_by_its_name);
	return suite_run_case("ports", tc);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/exec/account.h"
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

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
			     "broken line\n"
			     "alice:x:1000:1000:Alice,,,:/home/alice:/bin/zsh\n"
			     "bob:x:1001:1001::::\n"
			     "carl:x:1002:1002:::\n";
static const char group[] = "root:x:0:\nsudo:x:27:alice\nbroken\n"
			    "alice:x:1000:\nvideo:x:44:bob,alice,carl\nsame:x:27:alice\n";

START_TEST(a_user_has_home_shell_and_groups)
{
	struct account account;
	char users[256];

	strcpy(users, make_file("passwd", passwd));
	ck_assert_int_eq(account_find(users, make_file("group", group), "alice", &account), 0);
	ck_assert_uint_eq(account.uid, 1000);
	ck_assert_uint_eq(account.gid, 1000);
	ck_assert_str_eq(account.home, "/home/alice");
	ck_assert_str_eq(account.shell, "/bin/zsh");
	ck_assert_uint_eq(account.group_count, 3);
	ck_assert_uint_eq(account.groups[0], 1000);
	ck_assert_uint_eq(account.groups[1], 27);
	ck_assert_uint_eq(account.groups[2], 44);
	account_clear(&account);
}
END_TEST

START_TEST(empty_fields_have_defaults)
{
	struct account account;

	ck_assert_int_eq(
		account_find(make_file("passwd", passwd), "/there/is/none", "carl", &account), 0);
	ck_assert_str_eq(account.home, "/");
	ck_assert_str_eq(account.shell, "/bin/sh");
	ck_assert_uint_eq(account.group_count, 1);
	account_clear(&account);
}
END_TEST

START_TEST(who_is_not_there_is_not_found)
{
	struct account account;

	ck_assert_int_eq(account_find(make_file("passwd", passwd), "/none", "mallory", &account),
			 -ENOENT);
	ck_assert_int_eq(account_find(in_folder("passwd"), "/none", "", &account), -ENOENT);
	ck_assert_int_eq(account_find("/there/is/none", "/none", "root", &account), -ENOENT);
}
END_TEST

START_TEST(too_many_groups_are_cut)
{
	FILE *file = fopen(in_folder("group"), "w");
	struct account account;
	char groups[256];

	for (int i = 0; i < 2 * ACCOUNT_MAX_GROUPS; i++)
		fprintf(file, "g%d:x:%d:root\n", i, 5000 + i);
	fclose(file);
	strcpy(groups, in_folder("group"));
	ck_assert_int_eq(account_find(make_file("passwd", passwd), groups, "root", &account), 0);
	ck_assert_uint_eq(account.group_count, ACCOUNT_MAX_GROUPS);
	account_clear(&account);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("account");

	tcase_add_checked_fixture(tc, make_folder, remove_folder);
	tcase_add_test(tc, a_user_has_home_shell_and_groups);
	tcase_add_test(tc, empty_fields_have_defaults);
	tcase_add_test(tc, who_is_not_there_is_not_found);
	tcase_add_test(tc, too_many_groups_are_cut);
	return suite_run_case("account", tc);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/collect.h"
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
#include <utmp.h>

static struct store store;

START_TEST(users_are_those_of_user_processes)
{
	struct utmp records[3] = {
		{.ut_type = BOOT_TIME},
		{.ut_type = USER_PROCESS, .ut_tv.tv_sec = 1000, .ut_tv.tv_usec = 7},
		{.ut_type = DEAD_PROCESS}};
	struct info info = {0};
	struct info_user user;
	struct cbor_reader reader;
	uint64_t left;
	FILE *file = fopen(in_folder("utmp"), "w");

	/* Fields without NUL at their end. */
	memset(records[1].ut_user, 'u', sizeof(records[1].ut_user));
	strcpy(records[1].ut_line, "pts/0");
	memset(records[1].ut_host, 'h', sizeof(records[1].ut_host));
	fwrite(records, sizeof(records), 1, file);
	fwrite("half a record", 13, 1, file);
	fclose(file);
	collect_users_from(&store, in_folder("utmp"), &info);
	reader = CBOR_READER(info.users);
	ck_assert_int_eq(message_items_begin(&reader, &left), 0);
	ck_assert_uint_eq(left, 1);
	ck_assert_int_eq(message_items_next(&reader, &left, &message_info_user, &user), 1);
	ck_assert_uint_eq(user.name.length, sizeof(records[1].ut_user));
	ck_assert(slice_is(user.terminal, "pts/0"));
	ck_assert_uint_eq(user.since_ns, 1000000007000ULL);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("users");

	tcase_add_checked_fixture(tc, make_folder, remove_folder);
	tcase_add_test(tc, users_are_those_of_user_processes);
	return suite_run_case("users", tc);
}

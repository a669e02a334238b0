/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/agent_state.h"
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

START_TEST(what_is_written_is_read)
{
	struct agent_state state = {.pid = getpid(), .connected = true}, again;
	const char *path = in_folder("state");

	ck_assert_int_eq(agent_state_write(path, &state), 0);
	ck_assert_int_eq(agent_state_read(path, &again), 0);
	ck_assert_int_eq(again.pid, getpid());
	ck_assert(again.connected);
	state.connected = false;
	ck_assert_int_eq(agent_state_write(path, &state), 0);
	ck_assert_int_eq(agent_state_read(path, &again), 0);
	ck_assert(!again.connected);
}
END_TEST

START_TEST(the_dead_and_nonsense_are_no_agent)
{
	struct agent_state state;

	ck_assert_int_eq(agent_state_read(in_folder("none"), &state), -ENOENT);
	ck_assert_int_eq(agent_state_read(make_file("s", "999999999 waiting\n"), &state), -ENOENT);
	ck_assert_int_eq(agent_state_read(make_file("s", "1\n"), &state), -EBADMSG);
	ck_assert_int_eq(agent_state_read(make_file("s", "x waiting\n"), &state), -EBADMSG);
	ck_assert_int_eq(agent_state_read(make_file("s", "0 waiting\n"), &state), -EBADMSG);
	ck_assert_int_eq(agent_state_read(make_file("s", "1 dancing\n"), &state), -EBADMSG);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("agent state");

	tcase_add_checked_fixture(tc, make_folder, remove_folder);
	tcase_add_test(tc, what_is_written_is_read);
	tcase_add_test(tc, the_dead_and_nonsense_are_no_agent);
	return suite_run_case("agent state", tc);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/descriptor.h"
#include "host/daemon/share/share_server.h"
#include "protocol/base/bytes.h"
#include "tests/unit/host/daemon/share/shares_vm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

START_TEST(the_agent_is_told_of_each)
{
	expect_added("one=/tmp");
	must(list_is, "one");
	expect_added("two=/usr,ro,at=/mnt/two");
	must(list_is, "one two:/mnt/two(ro)");
	ck_assert_int_eq(vm_share_remove(vm, "one"), 0);
	must(list_is, "two:/mnt/two(ro)");
	ck_assert_int_eq(vm_share_remove(vm, "one"), -ENOENT);
}
END_TEST

START_TEST(a_mount_reaches_its_server)
{
	struct vm_share_state state;

	expect_added("one=/tmp");
	ask("share.open", "one", false);
	must(is_set, &agent.opened);
	ck_assert(!agent.resumed);
	ck_assert_int_eq(stream_send(agent.open, 0, "hello", 5), 5);
	must(echo_is, "hello");
	ck_assert(vm_share_at(vm, 0, &state));
	ck_assert_uint_eq(state.mounts, 1);
	stream_end(agent.open, 0);
	must(is_set, &agent.closed);
	ck_assert_int_eq(agent.error, 0);
	ck_assert(vm_share_at(vm, 0, &state));
	ck_assert_uint_eq(state.mounts, 0);
}
END_TEST

START_TEST(a_watch_reaches_the_same_server)
{
	struct vm_share_state state;

	expect_added("one=/tmp");
	ask("share.watch", "one", false);
	ck_assert_int_eq(stream_send(agent.open, 0, "hello", 5), 5);
	must(echo_is, "hello");
	stream_end(agent.open, 0);
	must(is_set, &agent.closed);
	ck_assert_int_eq(agent.error, 0);
	ck_assert(vm_share_at(vm, 0, &state));
	ck_assert_uint_eq(state.mounts, 0);
	expect_refusal("share.watch", "two", -ENOENT);
}
END_TEST

START_TEST(a_guest_gets_nothing_else)
{
	expect_added("one=/tmp");
	expect_refusal("share.open", "two", -ENOENT);
	expect_refusal("share.open", "on", -ENOENT);
	expect_refusal("share.open", "", -ENOENT);
	expect_refusal("share.open", "../one", -ENOENT);
	expect_refusal("share.attach", "one", -ENOSYS);
	expect_refusal("share.export", "one", -ENOSYS);
	expect_refusal("exec", "one", -ENOSYS);
	ask_without_words("share.open");
	must(is_set, &agent.closed);
	ck_assert_int_eq(agent.error, -EBADMSG);
}
END_TEST

START_TEST(so_many_mounts_and_no_more)
{
	expect_added("one=/tmp");
	for (int i = 0; i < SHARE_MAX_MOUNTS; i++) {
		ask("share.open", "one", false);
		must(is_set, &agent.opened);
	}
	expect_refusal("share.open", "one", -EMFILE);
}
END_TEST

START_TEST(what_is_removed_ends)
{
	pid_t pid;

	expect_added("one=/tmp");
	pid = pid_of("one");
	ck_assert_int_gt(pid, 0);
	ask("share.open", "one", false);
	must(is_set, &agent.opened);
	ck_assert_int_eq(vm_share_remove(vm, "one"), 0);
	must(is_set, &agent.closed);
	ck_assert_int_lt(agent.error, 0);
	must(is_dead, &pid);
	expect_refusal("share.open", "one", -ENOENT);
	ck_assert_ptr_null(vm->options.shares);
	/* And the name is free. */
	expect_added("one=/usr");
}
END_TEST

START_TEST(what_dies_is_started_again)
{
	size_t first = 0;
	pid_t pid;

	expect_added("one=/tmp");
	pid = pid_of("one");
	ask("share.open", "one", false);
	must(is_set, &agent.opened);
	kill(pid, SIGKILL);
	must(is_set, &agent.closed);
	agent.opened = false;
	must(opens_again, "one");
	ck_assert(agent.resumed);
	must(is_ready, &first);
	ck_assert_int_ne(pid_of("one"), pid);
}
END_TEST

START_TEST(what_cannot_start_is_told)
{
	struct outcome outcome = add("bad=/sys");

	ck_assert_int_lt(outcome.error, 0);
	ck_assert_msg(strstr(outcome.text, "it is not to be"), "%s", outcome.text);
	ck_assert_str_eq(state_of(0), "none");
	expect_added("one=/tmp");
	outcome = add("one=/usr");
	ck_assert_int_eq(outcome.error, -EEXIST);
	ck_assert_str_eq(state_of(1), "none");
	outcome = add("n123456789012345678901234567890123456789012345678901234567890123=/tmp");
	ck_assert_int_eq(outcome.error, -ENAMETOOLONG);
}
END_TEST

START_TEST(they_end_with_their_vm)
{
	pid_t pid;

	expect_added("one=/tmp");
	pid = pid_of("one");
	vm_gone(vm, "power-off", 0);
	ck_assert_ptr_null(vm->shares);
	ck_assert_str_eq(state_of(0), "none");
	must(is_dead, &pid);
}
END_TEST

START_TEST(the_next_lodged_finds_them)
{
	struct descriptor descriptor;
	char path[PATH_MAX];
	size_t first = 0;
	pid_t pid;

	expect_added("one=/tmp,ro,at=/mnt/x,options=nosuid,,noexec");
	pid = pid_of("one");
	snprintf(path, sizeof(path), "%s", vm->path);
	leave();
	ck_assert(process_runs(pid, SHARE_PROGRAM));
	ck_assert_int_eq(descriptor_read(path, &descriptor), 0);
	ck_assert_str_eq(descriptor.options.shares[0],
			 "one=/tmp,ro,at=/mnt/x,options=nosuid,,noexec,cache=auto");
	ck_assert_ptr_null(descriptor.options.shares[1]);

	vm = vm_new_foreign(&lodged, "vm/v", "v", NULL);
	vm->backend = &shares_backend;
	vm->options = descriptor.options;
	vm_list(vm);
	snprintf(path, sizeof(path), "%s/agent.sock", vm->path);
	unlink(path);
	start_agent();
	vm_connect_agent(vm, path);
	vm_shares_start(vm, true);
	must(list_is, "one:/mnt/x(ro) -o nosuid,noexec");
	must(is_ready, &first);
	ck_assert_int_eq(pid_of("one"), pid);
	ask("share.open", "one", true);
	must(is_set, &agent.opened);
	ck_assert_int_eq(vm_share_remove(vm, "one"), 0);
	must(is_dead, &pid);
}
END_TEST

START_TEST(those_left_behind_are_ended)
{
	char path[PATH_MAX];
	pid_t pid;

	expect_added("one=/tmp");
	pid = pid_of("one");
	snprintf(path, sizeof(path), "%s", vm->path);
	leave();
	vm_clear_folder(path);
	must(is_dead, &pid);
	ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

/* Another VM with these shares, not started yet; what its preparation comes to. */
static struct vm *prepare(const char *first, const char *second, struct outcome *outcome)
{
	struct vm_options options = {0};
	struct vm *other;

	vm_option_add(&options, vm_option_named("shares"), first);
	vm_option_add(&options, vm_option_named("shares"), second);
	ck_assert_int_eq(vm_new(&lodged, "w", &shares_backend, &options, &other), 0);
	vm_shares_prepare(other, on_done, outcome);
	ck_assert(!outcome->called);
	must(is_set, &outcome->called);
	return other;
}

START_TEST(what_comes_later_is_no_device)
{
	const char *socket;

	expect_added("one=/tmp");
	ck_assert_ptr_null(vm_share_device_at(vm, 0, &socket));
}
END_TEST

START_TEST(all_serve_before_a_vm_starts)
{
	struct outcome outcome = {0};
	struct vm *other = prepare("one=/tmp", "two=/usr,ro", &outcome);
	struct vm_share_state state;
	const char *socket;

	ck_assert_int_eq(outcome.error, 0);
	for (size_t i = 0; i < 2; i++) {
		ck_assert(vm_share_at(other, i, &state));
		ck_assert_str_eq(state.state, "ready");
	}
	ck_assert_ptr_eq(vm_share_device_at(other, 1, &socket), state.spec);
	ck_assert_msg(strstr(socket, "/vm/w/share/two~fs"), "%s", socket);
	ck_assert_ptr_null(vm_share_device_at(other, 2, &socket));
	vm_started(other);
	ck_assert(!vm_share_at(other, 2, &state));
	vm_gone(other, "power-off", 0);
}
END_TEST

START_TEST(a_vm_whose_share_cannot_serve_does_not_start)
{
	struct outcome outcome = {0};
	struct vm *other = prepare("one=/tmp", "bad=/sys", &outcome);

	ck_assert_int_lt(outcome.error, 0);
	ck_assert_msg(strstr(outcome.text, "it is not to be"), "%s", outcome.text);
	vm_gone(other, "error", 1);
}
END_TEST

int main(int argc, char **argv)
{
	TCase *tests = tcase_create("vm_shares");

	tcase_add_test(tests, the_agent_is_told_of_each);
	tcase_add_test(tests, a_mount_reaches_its_server);
	tcase_add_test(tests, a_watch_reaches_the_same_server);
	tcase_add_test(tests, a_guest_gets_nothing_else);
	tcase_add_test(tests, so_many_mounts_and_no_more);
	tcase_add_test(tests, what_is_removed_ends);
	tcase_add_test(tests, what_dies_is_started_again);
	tcase_add_test(tests, what_cannot_start_is_told);
	tcase_add_test(tests, they_end_with_their_vm);
	tcase_add_test(tests, the_next_lodged_finds_them);
	tcase_add_test(tests, those_left_behind_are_ended);
	tcase_add_test(tests, what_comes_later_is_no_device);
	tcase_add_test(tests, all_serve_before_a_vm_starts);
	tcase_add_test(tests, a_vm_whose_share_cannot_serve_does_not_start);
	return shares_vm_run(argc, argv, tests);
}

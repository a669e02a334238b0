/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A VM that is a folder and a backend of no words, an agent on this loop behind its agent.sock, and
 * for each share a process that plays lodge-fsd.
 */
#include "host/daemon/broker/agent_link.h"
#include "host/daemon/descriptor.h"
#include "host/daemon/lodged.h"
#include "host/daemon/share/share_server.h"
#include "host/daemon/share/vm_shares.h"
#include "protocol/base/bytes.h"
#include "protocol/message.h"
#include "tests/unit/host/daemon/share/played_fsd.h"
#include "tests/unit/played_agent.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LIMIT_MS  20000
#define SETTLE_MS 50
#define TICK_MS	  10

static struct lodged lodged;
static struct vm *vm;
static char folder[32]; /* lodged.runtime */

/* --- Time ----------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
	*(uint64_t *)timer->data += TICK_MS;
}

/* Conditions may be others' doing, which wakes no loop. */
static bool run_until(bool (*condition)(const void *about), const void *about, uint64_t limit_ms)
{
	uv_timer_t timer;
	uint64_t waited_ms = 0;

	uv_timer_init(&lodged.loop, &timer);
	timer.data = &waited_ms;
	uv_timer_start(&timer, on_tick, TICK_MS, TICK_MS);
	while (waited_ms < limit_ms && !(condition && condition(about)))
		uv_run(&lodged.loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&lodged.loop, UV_RUN_NOWAIT);
	return waited_ms < limit_ms;
}

static void must(bool (*condition)(const void *about), const void *about)
{
	ck_assert(run_until(condition, about, LIMIT_MS));
}

static bool is_set(const void *about)
{
	return *(const bool *)about;
}

/* --- The agent ------------------------------------------------------------------------------ */

static struct {
	struct played_agent played;
	struct stream *attach;
	char list[256]; /* "one two:/mnt -o noexec three(ro)" */
	unsigned int lists;
	/* Of the last request. */
	struct stream *open;
	bool opened, resumed, closed;
	int error;
	char echo[64];
} agent;

static void on_list(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct share_list list;
	struct share_entry entry;
	struct cbor_reader reader;
	uint64_t left;
	size_t at = 0;

	(void)stream;
	(void)owner;
	ck_assert(slice_is(name, "shares"));
	ck_assert_int_eq(message_decode(&message_share_list, params, &list), 0);
	agent.list[0] = '\0';
	agent.lists++;
	if (list.shares.length == 0)
		return;
	reader = (struct cbor_reader)CBOR_READER(list.shares);
	ck_assert_int_eq(message_items_begin(&reader, &left), 0);
	while (message_items_next(&reader, &left, &message_share_entry, &entry) == 1)
		at += (size_t)snprintf(
			agent.list + at, sizeof(agent.list) - at, "%s%.*s%s%.*s%s%s%.*s",
			at ? " " : "", (int)entry.name.length, entry.name.bytes,
			entry.at.length ? ":" : "", (int)entry.at.length,
			entry.at.length ? (const char *)entry.at.bytes : "",
			entry.read_only ? "(ro)" : "", entry.options.length ? " -o " : "",
			(int)entry.options.length,
			entry.options.length ? (const char *)entry.options.bytes : "");
}

static void attach_ended(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)owner;
	(void)result;
	agent.attach = NULL;
}

static void agent_asked(void *owner, struct stream *stream, struct slice method,
			struct slice params)
{
	static const struct stream_handlers handlers = {.message = on_list, .closed = attach_ended};

	(void)owner;
	(void)params;
	ck_assert(slice_is(method, "share.attach"));
	ck_assert_ptr_null(agent.attach);
	agent.attach = stream;
	stream_set_handlers(stream, &handlers, NULL);
}

static void start_agent(void)
{
	static const char *const capabilities[] = {"exec", SHARE_CAPABILITY, NULL};
	char path[64];

	memset(&agent, 0, sizeof(agent));
	snprintf(path, sizeof(path), "%s/vm/v/agent.sock", folder);
	played_agent_start(&agent.played, &lodged.loop, path, capabilities, agent_asked);
}

static void open_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct share_opened opened;

	(void)stream;
	(void)owner;
	ck_assert(slice_is(name, "opened"));
	ck_assert_int_eq(message_decode(&message_share_opened, params, &opened), 0);
	agent.opened = true;
	agent.resumed = opened.resumed;
}

static void open_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	(void)owner;
	strncat(agent.echo, (const char *)bytes.bytes, bytes.length);
	stream_consumed(stream, channel, bytes.length);
}

static void open_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)owner;
	if (stream != agent.open)
		return;
	agent.closed = true;
	agent.error = result->error;
	agent.open = NULL;
}

static void ask(const char *method, const char *name, bool resume)
{
	static const struct stream_handlers handlers = {
		.message = open_message, .data = open_data, .closed = open_closed};
	struct share_open wish = {.name = slice_of(name),
				  .session = {(const uint8_t *)"0123456789abcdef", 16},
				  .resume = resume};
	uint8_t bytes[256];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_share_open, &wish, &writer);
	agent.opened = agent.closed = false;
	agent.error = 0;
	agent.echo[0] = '\0';
	ck_assert_int_eq(session_request(agent.played.session, slice_of(method),
					 cbor_written(&writer), &handlers, NULL, &agent.open),
			 0);
}

static void expect_refusal(const char *method, const char *name, int error)
{
	ask(method, name, false);
	must(is_set, &agent.closed);
	ck_assert_int_eq(agent.error, error);
}

static bool list_is(const void *about)
{
	return agent.attach && agent.lists > 0 && strcmp(agent.list, about) == 0;
}

static bool echo_is(const void *about)
{
	return strcmp(agent.echo, about) == 0;
}

static bool opens_again(const void *about)
{
	if (agent.opened)
		return true;
	if (agent.closed)
		ask("share.open", about, true);
	return false;
}

/* --- The VM --------------------------------------------------------------------------------- */

static void ignore_release(struct vm *of)
{
	(void)of;
}

static const struct backend backend = {.name = "vmm", .release = ignore_release};

struct outcome {
	bool called;
	int error;
	char text[256];
};

static void on_done(void *owner, int error, const char *text)
{
	struct outcome *outcome = owner;

	ck_assert(!outcome->called);
	outcome->called = true;
	outcome->error = error;
	snprintf(outcome->text, sizeof(outcome->text), "%s", text);
}

static struct outcome add(const char *line)
{
	struct outcome outcome = {0};
	struct share_spec spec;
	char error[256];

	ck_assert_int_eq(share_spec_parse(line, &spec, error, sizeof(error)), 0);
	vm_share_add(vm, &spec, on_done, &outcome);
	must(is_set, &outcome.called);
	return outcome;
}

static void expect_added(const char *line)
{
	struct outcome outcome = add(line);

	ck_assert_msg(outcome.error == 0, "%s", outcome.text);
}

static const char *state_of(size_t index)
{
	struct vm_share_state state;

	return vm_share_at(vm, index, &state) ? state.state : "none";
}

static bool is_ready(const void *about)
{
	return strcmp(state_of(*(const size_t *)about), "ready") == 0;
}

static pid_t pid_of(const char *name)
{
	struct ucred peer = {0};
	socklen_t length = sizeof(peer);
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/share/%s.sock", vm->path, name);
	fd = connect_unix(path);
	if (fd < 0)
		return 0;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
	close(fd);
	return peer.pid;
}

static bool is_dead(const void *about)
{
	return !process_runs(*(const pid_t *)about, SHARE_PROGRAM);
}

static void set_up(void)
{
	struct vm_options options = {0};
	char path[PATH_MAX];

	memset(&lodged, 0, sizeof(lodged));
	strcpy(folder, "/tmp/lodge-test-shares-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	strcpy(lodged.runtime, folder);
	snprintf(path, sizeof(path), "%s/vm", folder);
	mkdir(path, 0700);
	uv_loop_init(&lodged.loop);
	uv_timer_init(&lodged.loop, &lodged.idle);
	ck_assert_int_eq(vm_new(&lodged, "v", &backend, &options, &vm), 0);
	start_agent();
	vm_started(vm);
	must(list_is, "");
}

/* What is in the folder stays, as when lodged ends. */
static void leave(void)
{
	vm_leave(vm);
	vm = NULL;
	played_agent_stop(&agent.played);
	close(agent.played.listener);
	run_until(NULL, NULL, SETTLE_MS);
}

static void tear_down(void)
{
	char path[PATH_MAX];

	if (vm)
		leave();
	while (lodged.vms)
		vm_leave(lodged.vms);
	run_until(NULL, NULL, 1);
	snprintf(path, sizeof(path), "%s/vm/v", folder);
	vm_clear_folder(path);
	snprintf(path, sizeof(path), "%s/vm", folder);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	uv_close((uv_handle_t *)&lodged.idle, NULL);
	run_until(NULL, NULL, 1);
	ck_assert_int_eq(uv_loop_close(&lodged.loop), 0);
}

/* --- Tests ---------------------------------------------------------------------------------- */

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
	static const struct stream_handlers bare = {.closed = open_closed};

	expect_added("one=/tmp");
	expect_refusal("share.open", "two", -ENOENT);
	expect_refusal("share.open", "on", -ENOENT);
	expect_refusal("share.open", "", -ENOENT);
	expect_refusal("share.open", "../one", -ENOENT);
	expect_refusal("share.attach", "one", -ENOSYS);
	expect_refusal("share.export", "one", -ENOSYS);
	expect_refusal("exec", "one", -ENOSYS);
	agent.closed = false;
	ck_assert_int_eq(session_request(agent.played.session, slice_of("share.open"),
					 (struct slice){NULL, 0}, &bare, NULL, &agent.open),
			 0);
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
	vm->backend = &backend;
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
	ck_assert_int_eq(vm_new(&lodged, "w", &backend, &options, &other), 0);
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
	if (played_fsd_is_meant(argv))
		played_fsd_run(argc, argv);

	Suite *suite = suite_create("vm_shares");
	TCase *tc = tcase_create("vm_shares");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_agent_is_told_of_each);
	tcase_add_test(tc, a_mount_reaches_its_server);
	tcase_add_test(tc, a_watch_reaches_the_same_server);
	tcase_add_test(tc, a_guest_gets_nothing_else);
	tcase_add_test(tc, so_many_mounts_and_no_more);
	tcase_add_test(tc, what_is_removed_ends);
	tcase_add_test(tc, what_dies_is_started_again);
	tcase_add_test(tc, what_cannot_start_is_told);
	tcase_add_test(tc, they_end_with_their_vm);
	tcase_add_test(tc, the_next_lodged_finds_them);
	tcase_add_test(tc, those_left_behind_are_ended);
	tcase_add_test(tc, what_comes_later_is_no_device);
	tcase_add_test(tc, all_serve_before_a_vm_starts);
	tcase_add_test(tc, a_vm_whose_share_cannot_serve_does_not_start);
	suite_add_tcase(suite, tc);

	played_fsd_install();
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	played_fsd_remove();
	return failed != 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host/daemon/share/shares_vm.h"

#include "host/daemon/broker/agent_link.h"
#include "host/daemon/descriptor.h"
#include "host/daemon/lodged.h"
#include "host/daemon/share/share_server.h"
#include "host/daemon/share/vm_shares.h"
#include "protocol/base/bytes.h"
#include "protocol/message.h"
#include "tests/unit/host/daemon/share/played_fsd.h"
#include "tests/unit/played_agent.h"
#include "tests/unit/suite.h"

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

#define LIMIT_MS 20000
#define TICK_MS	 10

struct lodged lodged;
struct vm *vm;
char folder[32];

/* --- Time ----------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
	*(uint64_t *)timer->data += TICK_MS;
}

bool run_until(bool (*condition)(const void *about), const void *about, uint64_t limit_ms)
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

void must(bool (*condition)(const void *about), const void *about)
{
	ck_assert(run_until(condition, about, LIMIT_MS));
}

bool is_set(const void *about)
{
	return *(const bool *)about;
}

/* --- The agent ------------------------------------------------------------------------------ */

struct shared_agent agent;

void say_mounted(const char *name, const char *at, const char *why)
{
	const struct share_mounted mounted = {
		.name = slice_of(name),
		.at = slice_of(at),
		.error = why ? EIO : 0,
		.text = slice_of(why ? why : ""),
	};
	uint8_t bytes[1024];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_share_mounted, &mounted, &writer);
	stream_message(agent.attach, slice_of("mounted"), cbor_written(&writer));
}

static void say_what_came_of(const struct share_entry *entry)
{
	char name[64], at[64];

	if (entry->at.length == 0 || agent.says_nothing)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)entry->name.length, entry->name.bytes);
	snprintf(at, sizeof(at), "%.*s", (int)entry->at.length, (const char *)entry->at.bytes);
	say_mounted(name, at, agent.refuses);
}

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
	while (message_items_next(&reader, &left, &message_share_entry, &entry) == 1) {
		say_what_came_of(&entry);
		at += (size_t)snprintf(
			agent.list + at, sizeof(agent.list) - at, "%s%.*s%s%.*s%s%s%.*s",
			at ? " " : "", (int)entry.name.length, entry.name.bytes,
			entry.at.length ? ":" : "", (int)entry.at.length,
			entry.at.length ? (const char *)entry.at.bytes : "",
			entry.read_only ? "(ro)" : "", entry.options.length ? " -o " : "",
			(int)entry.options.length,
			entry.options.length ? (const char *)entry.options.bytes : "");
	}
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

void start_agent(void)
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

void ask(const char *method, const char *name, bool resume)
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

void ask_without_words(const char *method)
{
	static const struct stream_handlers handlers = {.closed = open_closed};

	agent.closed = false;
	ck_assert_int_eq(session_request(agent.played.session, slice_of(method),
					 (struct slice){NULL, 0}, &handlers, NULL, &agent.open),
			 0);
}

void expect_refusal(const char *method, const char *name, int error)
{
	ask(method, name, false);
	must(is_set, &agent.closed);
	ck_assert_int_eq(agent.error, error);
}

bool list_is(const void *about)
{
	return agent.attach && agent.lists > 0 && strcmp(agent.list, about) == 0;
}

bool echo_is(const void *about)
{
	return strcmp(agent.echo, about) == 0;
}

bool opens_again(const void *about)
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

const struct backend shares_backend = {.name = "vmm", .release = ignore_release};

void on_done(void *owner, int error, const char *text)
{
	struct outcome *outcome = owner;

	ck_assert(!outcome->called);
	outcome->called = true;
	outcome->error = error;
	snprintf(outcome->text, sizeof(outcome->text), "%s", text);
}

struct outcome add(const char *line)
{
	struct outcome outcome = {0};
	struct share_spec spec;
	char error[256];

	ck_assert_int_eq(share_spec_parse(line, &spec, error, sizeof(error)), 0);
	vm_share_add(vm, &spec, on_done, &outcome);
	must(is_set, &outcome.called);
	return outcome;
}

void expect_added(const char *line)
{
	struct outcome outcome = add(line);

	ck_assert_msg(outcome.error == 0, "%s", outcome.text);
}

const char *state_of(size_t index)
{
	struct vm_share_state state;

	return vm_share_at(vm, index, &state) ? state.state : "none";
}

bool is_ready(const void *about)
{
	const char *state = state_of(*(const size_t *)about);

	return strcmp(state, "ready") == 0 || strcmp(state, "mounted") == 0;
}

pid_t pid_of(const char *name)
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

bool is_dead(const void *about)
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
	ck_assert_int_eq(vm_new(&lodged, "v", &shares_backend, &options, &vm), 0);
	start_agent();
	vm_started(vm);
	must(list_is, "");
}

void leave(void)
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

/* --- The program ---------------------------------------------------------------------------- */

int shares_vm_run(int argc, char **argv, TCase *tests)
{
	int status;

	if (played_fsd_is_meant(argv))
		played_fsd_run(argc, argv);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	played_fsd_install();
	status = suite_run_case("vm_shares", tests);
	played_fsd_remove();
	return status;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stock spice-vdagent as a guest's agent: the real programs on an X server of the test's own,
 * where they are installed; and one that is played here and hostile.
 */
#include "host/screen/guest.h"
#include "host/screen/spice/spice_guest_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/clipboard_text.h"
#include "protocol/display.h"
#include "protocol/head_list.h"
#include "tests/unit/played_end.h"
#include "tests/unit/played_spice.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 30000
#define MUCH	(3U << 20)

struct world {
	uv_loop_t loop;
	uv_timer_t tick, watchdog;
	char folder[64];
	pid_t pids[3];
	struct spice_guest *spice;
	struct played_end host;
	unsigned int ended;
	struct stream *display, *clipboard, *write;
	struct display_layout layout;
	char backend[16];
	bool applied;
	struct display_applied how;
	char offered[256];
	uint64_t offered_serial, serial, wants;
	const uint8_t *has;
	size_t has_length, written;
	struct played_spice agent;
};

/* --- The loop ------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static void on_expired(uv_timer_t *timer)
{
	(void)timer;
	ck_abort_msg("nothing happens any more");
}

#define WAIT_FOR(world, condition)                                                                 \
	do {                                                                                       \
		uv_timer_start(&(world)->watchdog, on_expired, WAIT_MS, 0);                        \
		while (!(condition))                                                               \
			uv_run(&(world)->loop, UV_RUN_ONCE);                                       \
		uv_timer_stop(&(world)->watchdog);                                                 \
	} while (0)

static void pass(struct world *world, unsigned int ms)
{
	const uint64_t until = uv_now(&world->loop) + ms;

	while (uv_now(&world->loop) < until)
		uv_run(&world->loop, UV_RUN_ONCE);
}

static pid_t spawn(const char *command)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static pid_t spawn_in(const struct world *world, const char *command)
{
	char text[1024];

	snprintf(text, sizeof(text), "cd '%s' && %s", world->folder, command);
	return spawn(text);
}

static int run(struct world *world, const char *command)
{
	pid_t pid = spawn_in(world, command);
	int status = 0;

	WAIT_FOR(world, waitpid(pid, &status, WNOHANG) != 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void check_file(const struct world *world, const char *name, const void *expected,
		       size_t length)
{
	char path[256];
	uint8_t *bytes = malloc(length + 1);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", world->folder, name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "there is no %s", path);
	ck_assert_uint_eq(fread(bytes, 1, length + 1, file), length);
	ck_assert_mem_eq(bytes, expected, length);
	fclose(file);
	free(bytes);
}

/* --- The host ------------------------------------------------------------------------------- */

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct world *world = owner;

	(void)result;
	if (world->display == stream)
		world->display = NULL;
	if (world->clipboard == stream)
		world->clipboard = NULL;
	if (world->write == stream)
		world->write = NULL;
}

static void on_display(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct world *world = owner;
	struct display_layout layout;

	(void)stream;
	if (slice_is(name, "layout")) {
		ck_assert_int_eq(message_decode(&message_display_layout, params, &layout), 0);
		snprintf(world->backend, sizeof(world->backend), "%.*s", (int)layout.backend.length,
			 (const char *)layout.backend.bytes);
	} else {
		ck_assert_int_eq(message_decode(&message_display_applied, params, &world->how), 0);
		world->applied = true;
	}
}

static const struct stream_handlers display_handlers = {.message = on_display, .closed = on_closed};

static void write_more(struct world *world)
{
	while (world->written < world->has_length) {
		const ssize_t taken = stream_send(world->write, 0, world->has + world->written,
						  world->has_length - world->written);

		if (taken <= 0)
			return;
		world->written += (size_t)taken;
	}
	stream_end(world->write, 0);
}

static void on_write_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)stream;
	(void)channel;
	(void)bytes;
	write_more(owner);
}

static const struct stream_handlers write_handlers = {.credit = on_write_credit,
						      .closed = on_closed};

static void on_clipboard(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct world *world = owner;
	struct clipboard_offer offer;
	struct clipboard_want want;
	struct clipboard_write params_of = {0};
	struct cbor_reader reader;
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	(void)stream;
	if (slice_is(name, "offer")) {
		ck_assert_int_eq(message_decode(&message_clipboard_offer, params, &offer), 0);
		*world->offered = '\0';
		reader = CBOR_READER(offer.types);
		for (uint64_t count = cbor_get_array(&reader); count > 0; count--) {
			const struct slice type = cbor_get_text(&reader);

			strncat(world->offered, (const char *)type.bytes, type.length);
			strcat(world->offered, " ");
		}
		world->offered_serial = offer.serial;
		return;
	}
	ck_assert_int_eq(message_decode(&message_clipboard_want, params, &want), 0);
	ck_assert_uint_eq(want.serial, world->serial);
	world->wants++;
	params_of.id = want.id;
	message_encode(&message_clipboard_write, &params_of, &writer);
	world->written = 0;
	ck_assert_int_eq(session_request(world->host.session, SLICE_LITERAL("clipboard.write"),
					 cbor_written(&writer), &write_handlers, world,
					 &world->write),
			 0);
	write_more(world);
}

static const struct stream_handlers clipboard_handlers = {.message = on_clipboard,
							  .closed = on_closed};

static void offer(struct world *world, const char *type, const void *bytes, size_t length)
{
	struct clipboard_offer said = {.selection = SLICE_LITERAL("clipboard"),
				       .serial = ++world->serial};
	uint8_t list[256], encoded[400];
	struct cbor_writer list_writer = CBOR_WRITER(list), writer = CBOR_WRITER(encoded);

	world->has = bytes;
	world->has_length = length;
	cbor_put_array(&list_writer, 1);
	cbor_put_text(&list_writer, slice_of(type));
	said.types = cbor_written(&list_writer);
	message_encode(&message_clipboard_offer, &said, &writer);
	ck_assert_int_eq(
		stream_message(world->clipboard, SLICE_LITERAL("offer"), cbor_written(&writer)), 0);
}

/* One request, and all that comes of it. */
struct call {
	bool done, ready;
	int error;
	uint8_t *bytes;
	size_t length;
	const uint8_t *in;
	size_t in_length, sent;
	struct stream *stream;
};

static void call_more(struct call *call)
{
	while (call->ready && call->sent < call->in_length) {
		const ssize_t taken = stream_send(call->stream, 0, call->in + call->sent,
						  call->in_length - call->sent);

		if (taken <= 0)
			return;
		call->sent += (size_t)taken;
	}
	if (call->ready)
		stream_end(call->stream, 0);
}

static void on_call_message(struct stream *stream, void *owner, struct slice name,
			    struct slice params)
{
	struct call *call = owner;

	(void)stream;
	(void)params;
	ck_assert(slice_is(name, "ready"));
	call->ready = true;
	call_more(call);
}

static void on_call_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)stream;
	(void)channel;
	(void)bytes;
	call_more(owner);
}

static void on_call_data(struct stream *stream, void *owner, unsigned int channel,
			 struct slice bytes)
{
	struct call *call = owner;

	call->bytes = realloc(call->bytes, call->length + bytes.length + 1);
	memcpy(call->bytes + call->length, bytes.bytes, bytes.length);
	call->length += bytes.length;
	stream_consumed(stream, channel, bytes.length);
}

static void on_call_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct call *call = owner;

	(void)stream;
	call->done = true;
	call->error = result->error;
}

static const struct stream_handlers call_handlers = {
	.message = on_call_message,
	.data = on_call_data,
	.credit = on_call_credit,
	.closed = on_call_closed,
};

static void call_start(const struct world *world, struct call *call, const char *method,
		       const struct message_type *type, const void *params)
{
	uint8_t bytes[600];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(type, params, &writer);
	ck_assert_int_eq(session_request(world->host.session, slice_of(method),
					 cbor_written(&writer), &call_handlers, call,
					 &call->stream),
			 0);
}

static void read_start(const struct world *world, struct call *call, const char *type)
{
	const struct clipboard_want want = {
		.serial = world->offered_serial,
		.selection = SLICE_LITERAL("clipboard"),
		.type = slice_of(type),
	};

	*call = (struct call){0};
	call_start(world, call, "clipboard.read", &message_clipboard_want, &want);
}

static void file_start(const struct world *world, struct call *call, const char *name,
		       const void *bytes, size_t length)
{
	const struct files_receive want = {.name = slice_of(name), .size_bytes = length};

	*call = (struct call){.in = bytes, .in_length = length};
	call_start(world, call, "files.receive", &message_files_receive, &want);
}

static void apply(struct world *world, uint32_t width, uint32_t height)
{
	const struct head_list list = {
		.serial = ++world->serial,
		.count = 1,
		.heads = {{.enabled = true, .primary = true, .width = width, .height = height}},
	};
	const struct display_layout none = {0};
	uint8_t bytes[HEAD_LIST_BYTES];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	world->applied = false;
	head_list_encode(&list, &none, &writer);
	ck_assert_int_eq(
		stream_message(world->display, SLICE_LITERAL("apply"), cbor_written(&writer)), 0);
}

static void on_ended(void *owner)
{
	struct world *world = owner;

	world->ended++;
	spice_guest_free(world->spice);
	world->spice = NULL;
}

/* --- Start and end -------------------------------------------------------------------------- */

static void world_start(struct world *world)
{
	*world = (struct world){.folder = "/tmp/lodge-spice-XXXXXX"};
	ck_assert_ptr_nonnull(mkdtemp(world->folder));
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&world->loop);
	uv_timer_init(&world->loop, &world->tick);
	uv_timer_init(&world->loop, &world->watchdog);
	uv_timer_start(&world->tick, on_tick, 5, 5);
}

static void world_attach(struct world *world, int port)
{
	static const char *const none[] = {NULL};
	int fd;

	ck_assert_int_eq(spice_guest_new(&world->loop, port, on_ended, world, &world->spice), 0);
	fd = spice_guest_session(world->spice);
	ck_assert_int_ge(fd, 0);
	played_end_start(&world->host, &world->loop, fd, SESSION_HOST, none);
	session_start(world->host.session);
	WAIT_FOR(world, world->host.established);
	ck_assert_int_eq(session_request(world->host.session, SLICE_LITERAL("display.attach"),
					 (struct slice){0}, &display_handlers, world,
					 &world->display),
			 0);
	ck_assert_int_eq(session_request(world->host.session, SLICE_LITERAL("clipboard.attach"),
					 (struct slice){0}, &clipboard_handlers, world,
					 &world->clipboard),
			 0);
}

static void close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	ck_assert_msg(uv_is_closing(handle), "a handle was forgotten");
}

static void world_stop(struct world *world)
{
	char command[128];

	played_spice_stop(&world->agent);
	played_end_stop(&world->host);
	spice_guest_free(world->spice);
	uv_close((uv_handle_t *)&world->tick, NULL);
	uv_close((uv_handle_t *)&world->watchdog, NULL);
	for (unsigned int i = 0; i < 3; i++)
		uv_run(&world->loop, UV_RUN_NOWAIT);
	uv_walk(&world->loop, close_handle, NULL);
	ck_assert_int_eq(uv_loop_close(&world->loop), 0);
	for (size_t i = 3; i-- > 0;) {
		if (world->pids[i] <= 0)
			continue;
		kill(world->pids[i], SIGTERM);
		waitpid(world->pids[i], NULL, 0);
	}
	snprintf(command, sizeof(command), "rm -rf '%s'", world->folder);
	waitpid(spawn(command), NULL, 0);
}

/* --- The stock programs --------------------------------------------------------------------- */

static bool has_file(const struct world *world, const char *name)
{
	struct stat status;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", world->folder, name);
	return stat(path, &status) == 0 && (S_ISSOCK(status.st_mode) || status.st_size > 1);
}

static int accept_daemon(struct world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/port", world->folder);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	world->pids[1] = spawn_in(world, "PATH=$PATH:/usr/sbin exec spice-vdagentd -x -d -f -X "
					 "-u /dev/null -s port -S agent >daemon.log 2>&1");
	/* The daemon opens the port when somebody's desktop is there. */
	WAIT_FOR(world, has_file(world, "agent"));
	world->pids[2] = spawn_in(world, "mkdir files && exec spice-vdagent -x -d -o 0 -f files "
					 "-s port -S agent >agent.log 2>&1");
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	close(listener);
	return fd;
}

START_TEST(test_stock)
{
	struct world world;
	struct call call;
	uint8_t *much = malloc(MUCH);
	char number[32] = ":", path[128];
	FILE *file;
	int fd;

	world_start(&world);
	world.pids[0] = spawn_in(&world, "exec Xvfb -displayfd 3 -nolisten tcp -screen 0 "
					 "640x480x24 3>display >/dev/null 2>&1");
	WAIT_FOR(&world, has_file(&world, "display"));
	snprintf(path, sizeof(path), "%s/display", world.folder);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(fgets(number + 1, sizeof(number) - 1, file));
	fclose(file);
	number[strcspn(number, "\n")] = '\0';
	setenv("DISPLAY", number, 1);
	fd = accept_daemon(&world);
	world_attach(&world, fd);
	WAIT_FOR(&world, strcmp(world.backend, "spice") == 0);
	/* It is there when what is copied here can be pasted there. */
	offer(&world, CLIPBOARD_TEXT, "from h\303\264st", 10);
	for (unsigned int i = 0; i < 100 && run(&world, "xclip -selection clipboard -o >out "
							"2>/dev/null") != 0;
	     i++) {
		pass(&world, 100);
		offer(&world, CLIPBOARD_TEXT, "from h\303\264st", 10);
		pass(&world, 100);
	}
	check_file(&world, "out", "from h\303\264st", 10);

	for (size_t i = 0; i < MUCH; i++)
		much[i] = (uint8_t)(i * 13 >> 3);
	offer(&world, "image/png", much, MUCH);
	pass(&world, 300);
	ck_assert_int_eq(run(&world, "xclip -selection clipboard -t image/png -o >out"), 0);
	check_file(&world, "out", much, MUCH);

	ck_assert_int_eq(run(&world, "printf 'copied \\303\\251' | xclip -selection clipboard -i "
				     ">/dev/null 2>&1"),
			 0);
	WAIT_FOR(&world, strstr(world.offered, CLIPBOARD_TEXT) != NULL);
	read_start(&world, &call, CLIPBOARD_TEXT);
	WAIT_FOR(&world, call.done);
	ck_assert_int_eq(call.error, 0);
	ck_assert_uint_eq(call.length, 9);
	ck_assert_mem_eq(call.bytes, "copied \303\251", 9);
	free(call.bytes);

	file_start(&world, &call, "picture 1.png", much, MUCH);
	WAIT_FOR(&world, call.done);
	ck_assert_int_eq(call.error, 0);
	check_file(&world, "files/picture 1.png", much, MUCH);
	file_start(&world, &call, "empty", "", 0);
	WAIT_FOR(&world, call.done);
	ck_assert_int_eq(call.error, 0);
	check_file(&world, "files/empty", "", 0);

	apply(&world, 640, 480);
	WAIT_FOR(&world, world.applied);
	ck_assert_uint_eq(world.how.number, 0);
	world_stop(&world);
	free(much);
}
END_TEST

/* --- The hostile one ------------------------------------------------------------------------ */

static void say(struct world *world, enum spice_type type, const void *bytes, size_t length)
{
	played_spice_say(&world->agent, type, bytes, length);
}

static void played_start(struct world *world, uint32_t bits)
{
	const struct spice_capabilities capabilities = {.request = true, .bits = bits};
	uint8_t bytes[SPICE_CAPABILITIES_SIZE];
	int fds[2];

	world_start(world);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	played_spice_start(&world->agent, &world->loop, fds[1]);
	world_attach(world, fds[0]);
	WAIT_FOR(world, world->agent.count[SPICE_ANNOUNCE_CAPABILITIES] == 1);
	spice_capabilities_encode(&capabilities, bytes);
	say(world, SPICE_ANNOUNCE_CAPABILITIES, bytes, sizeof(bytes));
	WAIT_FOR(world, world->agent.count[SPICE_ANNOUNCE_CAPABILITIES] == 2);
}

#define AGENT_BITS                                                                                 \
	(SPICE_CAP(MONITORS_CONFIG) | SPICE_CAP(REPLY) | SPICE_CAP(CLIPBOARD_BY_DEMAND) |          \
	 SPICE_CAP(CLIPBOARD_SELECTION))

START_TEST(test_says_what_it_can)
{
	/* MONITORS_CONFIG REPLY BY_DEMAND SELECTION SPARSE POSITION DETAILED_ERRORS
	 * NO_RELEASE_ON_REGRAB; the second answer asks nothing. */
	static const uint8_t golden[] = {0, 0, 0, 0, 0xe6, 0x50, 1, 0};
	static const uint8_t monitors[] = {
		1, 0, 0, 0, 1, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	};
	struct world world;

	played_start(&world, AGENT_BITS);
	ck_assert_uint_eq(world.agent.length[SPICE_ANNOUNCE_CAPABILITIES], sizeof(golden));
	ck_assert_mem_eq(world.agent.last[SPICE_ANNOUNCE_CAPABILITIES], golden, sizeof(golden));
	WAIT_FOR(&world, strcmp(world.backend, "spice") == 0);
	apply(&world, 1024, 768);
	WAIT_FOR(&world, world.agent.count[SPICE_MONITORS_CONFIG] == 1);
	ck_assert_uint_eq(world.agent.length[SPICE_MONITORS_CONFIG], sizeof(monitors));
	ck_assert_mem_eq(world.agent.last[SPICE_MONITORS_CONFIG], monitors, sizeof(monitors));
	ck_assert(!world.applied);
	say(&world, SPICE_REPLY, "\2\0\0\0\2\0\0\0", 8);
	WAIT_FOR(&world, world.applied);
	ck_assert_uint_eq(world.how.number, EIO);
	ck_assert_uint_eq(world.how.serial, world.serial);
	world_stop(&world);
}
END_TEST

START_TEST(test_hostile)
{
	struct world world;
	struct call call;
	uint8_t grab[400] = {0};

	played_start(&world, AGENT_BITS);
	/* Wants what was never offered: nothing, and the host is not asked. */
	for (unsigned int i = 0; i < 1000; i++)
		say(&world, SPICE_CLIPBOARD_REQUEST, "\0\0\0\0\1\0\0\0", 8);
	WAIT_FOR(&world, world.agent.count[SPICE_CLIPBOARD] == 1000);
	ck_assert_mem_eq(world.agent.last[SPICE_CLIPBOARD], "\0\0\0\0\0\0\0\0", 8);
	ck_assert_uint_eq(world.wants, 0);
	/* Many types, wild ones, a selection that is not there, too short. */
	for (size_t i = 4; i < sizeof(grab); i += 4)
		store_le32(grab + i, i < 100 ? (uint32_t)(i << 20) : 2);
	say(&world, SPICE_CLIPBOARD_GRAB, grab, sizeof(grab));
	say(&world, SPICE_CLIPBOARD_GRAB, "\7\0\0\0\1\0\0\0", 8);
	say(&world, SPICE_CLIPBOARD_GRAB, "\0\0", 2);
	say(&world, SPICE_CLIPBOARD_RELEASE, "", 0);
	say(&world, SPICE_FILE_XFER_STATUS, "\1\0\0\0\0\0\0\0", 8);
	WAIT_FOR(&world, strcmp(world.offered, "image/png ") == 0);
	/* Another type than it was asked for, then none. */
	read_start(&world, &call, "image/png");
	WAIT_FOR(&world, world.agent.count[SPICE_CLIPBOARD_REQUEST] == 1);
	say(&world, SPICE_CLIPBOARD, "\0\0\0\0\1\0\0\0text", 12);
	pass(&world, 50);
	ck_assert(!call.done);
	say(&world, SPICE_CLIPBOARD, "\0\0\0\0\0\0\0\0", 8);
	WAIT_FOR(&world, call.done);
	ck_assert_int_eq(call.error, -ENOENT);
	/* Success of a file before all of it has gone. */
	file_start(&world, &call, "name", "12345", 5);
	WAIT_FOR(&world, world.agent.count[SPICE_FILE_XFER_START] == 1);
	say(&world, SPICE_FILE_XFER_STATUS, "\1\0\0\0\3\0\0\0", 8);
	WAIT_FOR(&world, call.done);
	ck_assert_int_eq(call.error, -EPROTO);
	file_start(&world, &call, "../name", "12345", 5);
	WAIT_FOR(&world, call.done);
	ck_assert_int_eq(call.error, -EINVAL);
	/* What is no dialect: it is not listened to, and the port closed. */
	played_spice_write(&world.agent, grab, sizeof(grab));
	say(&world, SPICE_CLIPBOARD_GRAB, "\0\0\0\0\1\0\0\0", 8);
	WAIT_FOR(&world, world.agent.closed && world.host.closed);
	ck_assert_uint_eq(world.ended, 1);
	ck_assert_str_eq(world.offered, "image/png ");
	world_stop(&world);
}
END_TEST

START_TEST(a_message_that_stops_is_the_end)
{
	static const uint8_t started[] = {1, 0, 0, 0, 48, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0};
	struct world world;
	const uv_handle_t *stall;

	played_start(&world, AGENT_BITS);
	WAIT_FOR(&world, strcmp(world.backend, "spice") == 0);
	stall = (const uv_handle_t *)world.spice->stall;
	ck_assert(!uv_is_active(stall));
	played_spice_write(&world.agent, started, sizeof(started));
	WAIT_FOR(&world, uv_is_active(stall));
	/* So long after. */
	world.spice->stall->timer_cb(world.spice->stall);
	ck_assert_uint_eq(world.ended, 1);
	WAIT_FOR(&world, world.agent.closed);
	world_stop(&world);
}
END_TEST

static void on_layout(void *owner)
{
	(void)owner;
}

static int spare(void *owner)
{
	return spice_guest_session(owner);
}

START_TEST(test_stands_in_for_an_agent)
{
	static const struct guest_handlers handlers = {.layout = on_layout};
	struct world world;
	struct guest *guest;
	int fds[2];

	played_start(&world, AGENT_BITS);
	guest = guest_new(&world.loop, NULL, &handlers, NULL);
	ck_assert(!guest_can_apply(guest));
	guest_set_spare(guest, spare, world.spice);
	WAIT_FOR(&world, guest_can_apply(guest));
	ck_assert_str_eq(guest_layout(guest)->backend, "spice");
	/* Our agent comes, and goes. */
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(guest_attach(guest, fds[0]), 0);
	ck_assert(!guest_can_apply(guest));
	pass(&world, 50);
	ck_assert(!guest_can_apply(guest));
	close(fds[1]);
	WAIT_FOR(&world, guest_can_apply(guest));
	guest_set_spare(guest, NULL, NULL);
	ck_assert(!guest_can_apply(guest));
	guest_free(guest);
	world_stop(&world);
}
END_TEST

static bool has_program(const char *program)
{
	char command[256];
	int status = -1;

	snprintf(command, sizeof(command), "PATH=$PATH:/usr/sbin command -v %s >/dev/null 2>&1",
		 program);
	waitpid(spawn(command), &status, 0);
	if (status != 0)
		fprintf(stderr, "left out: there is no %s\n", program);
	return status == 0;
}

int main(void)
{
	Suite *suite = suite_create("SPICE agents of guests");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, test_says_what_it_can);
	tcase_add_test(tcase, test_hostile);
	tcase_add_test(tcase, a_message_that_stops_is_the_end);
	tcase_add_test(tcase, test_stands_in_for_an_agent);
	if (has_program("spice-vdagentd") && has_program("Xvfb") && has_program("xclip"))
		tcase_add_test(tcase, test_stock);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

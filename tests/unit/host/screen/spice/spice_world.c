/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host/screen/spice/spice_world.h"

#include "protocol/display.h"
#include "protocol/head_list.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

void spice_world_expired(uv_timer_t *timer)
{
	(void)timer;
	ck_abort_msg("nothing happens any more");
}

void spice_world_pass(struct spice_world *world, unsigned int ms)
{
	const uint64_t until = uv_now(&world->loop) + ms;

	while (uv_now(&world->loop) < until)
		uv_run(&world->loop, UV_RUN_ONCE);
}

pid_t spice_world_spawn(const char *command)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

pid_t spice_world_spawn_in(const struct spice_world *world, const char *command)
{
	char text[1024];

	snprintf(text, sizeof(text), "cd '%s' && %s", world->folder, command);
	return spice_world_spawn(text);
}

/* --- The host ------------------------------------------------------------------------------- */

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct spice_world *world = owner;

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
	struct spice_world *world = owner;
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

static void write_more(struct spice_world *world)
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
	struct spice_world *world = owner;
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

void spice_world_offer(struct spice_world *world, const char *type, const void *bytes,
		       size_t length)
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

static void call_more(struct spice_call *call)
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
	struct spice_call *call = owner;

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
	struct spice_call *call = owner;

	call->bytes = realloc(call->bytes, call->length + bytes.length + 1);
	memcpy(call->bytes + call->length, bytes.bytes, bytes.length);
	call->length += bytes.length;
	stream_consumed(stream, channel, bytes.length);
}

static void on_call_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct spice_call *call = owner;

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

static void call_start(const struct spice_world *world, struct spice_call *call, const char *method,
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

void spice_world_read(const struct spice_world *world, struct spice_call *call, const char *type)
{
	const struct clipboard_want want = {
		.serial = world->offered_serial,
		.selection = SLICE_LITERAL("clipboard"),
		.type = slice_of(type),
	};

	*call = (struct spice_call){0};
	call_start(world, call, "clipboard.read", &message_clipboard_want, &want);
}

void spice_world_send_file(const struct spice_world *world, struct spice_call *call,
			   const char *name, const void *bytes, size_t length)
{
	const struct files_receive want = {.name = slice_of(name), .size_bytes = length};

	*call = (struct spice_call){.in = bytes, .in_length = length};
	call_start(world, call, "files.receive", &message_files_receive, &want);
}

void spice_world_apply(struct spice_world *world, uint32_t width, uint32_t height)
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
	struct spice_world *world = owner;

	world->ended++;
	spice_guest_free(world->spice);
	world->spice = NULL;
}

/* --- Start and end -------------------------------------------------------------------------- */

void spice_world_start(struct spice_world *world)
{
	*world = (struct spice_world){.folder = "/tmp/lodge-spice-XXXXXX"};
	ck_assert_ptr_nonnull(mkdtemp(world->folder));
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&world->loop);
	uv_timer_init(&world->loop, &world->tick);
	uv_timer_init(&world->loop, &world->watchdog);
	uv_timer_start(&world->tick, on_tick, 5, 5);
}

void spice_world_attach(struct spice_world *world, int port)
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

void spice_world_stop(struct spice_world *world)
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
	waitpid(spice_world_spawn(command), NULL, 0);
}

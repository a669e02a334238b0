/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host/screen/control_world.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void ignore_changed(void *owner, struct viewer *by)
{
	(void)owner;
	(void)by;
}

static void ignore_layout(void *owner)
{
	(void)owner;
}

static const struct guest_handlers guest_handlers = {.layout = ignore_layout};

static bool cannot_apply(void *owner)
{
	(void)owner;
	return false;
}

static const struct guest_layout *layout_now(void *owner)
{
	const struct control_world *world = owner;

	return guest_layout(world->services.guest);
}

static const struct resize_session resize_session = {.can_apply = cannot_apply,
						     .layout = layout_now};

static void on_requested(void *owner, enum screen_who who, const struct screen_wish *wish)
{
	const struct control_world *world = owner;

	resize_requested(world->services.resize, who, wish);
}

static void on_head_changed(void *owner, unsigned int head, uint32_t width, uint32_t height)
{
	const struct control_world *world = owner;

	resize_head_changed(world->services.resize, head, width, height);
}

static const struct screen_hooks hooks = {.requested = on_requested,
					  .head_changed = on_head_changed};

static bool is_busy(void *owner)
{
	return ((const struct control_world *)owner)->busy;
}

static void on_met(void *owner, const struct session_peer *peer)
{
	(void)owner;
	ck_assert(session_peer_has(peer, "screen"));
}

void control_world_start(struct control_world *world)
{
	static const char *const none[] = {NULL};
	int fd[2];

	*world = (struct control_world){0};
	uv_loop_init(&world->loop);
	ck_assert_int_eq(keyboard_new("", &world->keyboard), 0);
	world->services.screen = screen_new(&world->loop, "vm");
	screen_set_keyboard(world->services.screen, world->keyboard);
	world->services.clipboard = clipboard_new(&world->loop, ignore_changed, NULL);
	world->services.guest =
		guest_new(&world->loop, world->services.clipboard, &guest_handlers, NULL);
	world->services.resize = resize_new(world->services.screen, &resize_session, world);
	world->services.captures = captures_new(world->services.screen);
	world->services.typing = typing_new(world->services.screen, is_busy, world);
	world->control = control_new(&world->services);
	screen_set_hooks(world->services.screen, &hooks, world);
	painted_source_init(&world->painted);
	screen_set_source(world->services.screen, &world->painted.source);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	ck_assert_int_eq(control_add_client(world->control, fd[0]), 0);
	world->client.met = on_met;
	played_end_start(&world->client, &world->loop, fd[1], SESSION_HOST, none);
	session_start(world->client.session);
	while (!world->client.established)
		uv_run(&world->loop, UV_RUN_ONCE);
}

void control_world_stop(struct control_world *world)
{
	played_end_stop(&world->client);
	control_free(world->control);
	captures_free(world->services.captures);
	typing_free(world->services.typing);
	guest_free(world->services.guest);
	screen_set_hooks(world->services.screen, NULL, NULL);
	screen_free(world->services.screen);
	resize_free(world->services.resize);
	clipboard_free(world->services.clipboard);
	keyboard_free(world->keyboard);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&world->loop), 0);
	ck_assert(world->painted.freed);
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct control_answer *answer = owner;

	ck_assert_uint_eq(channel, 1);
	answer->data = realloc(answer->data, answer->length + bytes.length);
	memcpy(answer->data + answer->length, bytes.bytes, bytes.length);
	answer->length += bytes.length;
	stream_consumed(stream, channel, bytes.length);
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct control_answer *answer = owner;

	(void)stream;
	ck_assert(slice_is(name, "changed"));
	memcpy(answer->params, params.bytes, params.length);
	answer->params_length = params.length;
	answer->messages++;
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct control_answer *answer = owner;

	(void)stream;
	answer->done = true;
	answer->error = result->error;
	if (result->error) {
		snprintf(answer->text, sizeof(answer->text), "%.*s", (int)result->text.length,
			 result->text.bytes ? (const char *)result->text.bytes : "");
		return;
	}
	memcpy(answer->params, result->params.bytes, result->params.length);
	answer->params_length = result->params.length;
}

static const struct stream_handlers stream_handlers = {
	.data = on_data, .message = on_message, .closed = on_closed};

struct stream *control_world_begin(struct control_world *world, const char *method,
				   const struct message_type *type, const void *params,
				   struct control_answer *answer)
{
	uint8_t bytes[40000];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct stream *stream;

	memset(answer, 0, sizeof(*answer));
	if (type)
		message_encode(type, params, &writer);
	ck_assert_int_eq(session_request(world->client.session, slice_of(method),
					 cbor_written(&writer), &stream_handlers, answer, &stream),
			 0);
	return stream;
}

void control_world_finish(struct control_world *world, const struct control_answer *answer)
{
	while (!answer->done)
		uv_run(&world->loop, UV_RUN_ONCE);
}

void control_world_call(struct control_world *world, const char *method,
			const struct message_type *type, const void *params,
			struct control_answer *answer)
{
	control_world_begin(world, method, type, params, answer);
	control_world_finish(world, answer);
}

struct slice control_answer_params(const struct control_answer *answer)
{
	return (struct slice){answer->params, answer->params_length};
}

void control_answer_head(const struct control_answer *answer, unsigned int number,
			 struct screen_head *head)
{
	struct screen_info info;
	struct cbor_reader reader;
	uint64_t left;

	ck_assert_int_eq(message_decode(&message_screen_info, control_answer_params(answer), &info),
			 0);
	reader = CBOR_READER(info.heads);
	ck_assert_int_eq(message_items_begin(&reader, &left), 0);
	while (message_items_next(&reader, &left, &message_screen_head, head) == 1) {
		if (head->head == number)
			return;
	}
	ck_abort_msg("no head %u", number);
}

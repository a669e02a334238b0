/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/control.h"

#include "host/screen/capture.h"
#include "host/screen/clipboard.h"
#include "host/screen/guest.h"
#include "host/screen/keyboard.h"
#include "host/screen/resize.h"
#include "host/screen/typing.h"
#include "painted_source.h"
#include "protocol/base/bytes.h"
#include "protocol/display.h"
#include "protocol/pump/pump.h"

#include <check.h>
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* --- A screen with a control socket, and a client of it --------------------------------------- */

static uv_loop_t loop;
static struct control_services services;
static struct control *control;
static struct keyboard *keyboard;
static struct painted_source painted;
static struct session *session;
static struct pump *pump;

struct answer {
	bool done;
	int error;
	uint8_t params[32768];
	size_t params_length;
	char text[1024];
	uint8_t *data;
	size_t length;
	unsigned int messages;
};

static void on_established(void *owner, const struct session_peer *peer)
{
	(void)owner;
	ck_assert(session_peer_has(peer, "screen"));
}

static void on_lost(void *owner, int reason)
{
	(void)owner;
	(void)reason;
}

static void on_wake(void *owner)
{
	(void)owner;
	pump_wake(pump);
}

static uint64_t on_random(void *owner)
{
	static uint64_t last = 0x1234567;

	(void)owner;
	return ++last;
}

static const struct session_handlers session_handlers = {
	.established = on_established, .lost = on_lost, .wake = on_wake, .random = on_random};
static const struct pump_handlers pump_handlers = {0};

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
	(void)owner;
	return guest_layout(services.guest);
}

static const struct resize_session resize_session = {.can_apply = cannot_apply,
						     .layout = layout_now};

static void on_requested(void *owner, enum screen_who who, const struct screen_wish *wish)
{
	(void)owner;
	resize_requested(services.resize, who, wish);
}

static void on_head_changed(void *owner, unsigned int head, uint32_t width, uint32_t height)
{
	(void)owner;
	resize_head_changed(services.resize, head, width, height);
}

static const struct screen_hooks hooks = {.requested = on_requested,
					  .head_changed = on_head_changed};

static const char *const capabilities[] = {NULL};

static bool busy;

static bool is_busy(void *owner)
{
	(void)owner;
	return busy;
}

static void setup(void)
{
	int fd[2];

	busy = false;
	uv_loop_init(&loop);
	ck_assert_int_eq(keyboard_new("", &keyboard), 0);
	services.screen = screen_new(&loop, "vm");
	screen_set_keyboard(services.screen, keyboard);
	services.clipboard = clipboard_new(&loop, ignore_changed, NULL);
	services.guest = guest_new(&loop, services.clipboard, &guest_handlers, NULL);
	services.resize = resize_new(services.screen, &resize_session, NULL);
	services.captures = captures_new(services.screen);
	services.typing = typing_new(services.screen, is_busy, NULL);
	control = control_new(&services);
	screen_set_hooks(services.screen, &hooks, NULL);
	painted_source_init(&painted);
	screen_set_source(services.screen, &painted.source);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	ck_assert_int_eq(control_add_client(control, fd[0]), 0);
	session = session_new(SESSION_HOST, "test 1", capabilities, &session_handlers, NULL);
	ck_assert_int_eq(pump_new(&loop, fd[1], false, session, &pump_handlers, NULL, &pump), 0);
	session_start(session);
	while (!session_is_established(session))
		uv_run(&loop, UV_RUN_ONCE);
}

static void teardown(void)
{
	pump_free(pump);
	pump = NULL;
	session_free(session);
	control_free(control);
	captures_free(services.captures);
	typing_free(services.typing);
	guest_free(services.guest);
	screen_set_hooks(services.screen, NULL, NULL);
	screen_free(services.screen);
	resize_free(services.resize);
	clipboard_free(services.clipboard);
	keyboard_free(keyboard);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	ck_assert(painted.freed);
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct answer *answer = owner;

	ck_assert_uint_eq(channel, 1);
	answer->data = realloc(answer->data, answer->length + bytes.length);
	memcpy(answer->data + answer->length, bytes.bytes, bytes.length);
	answer->length += bytes.length;
	stream_consumed(stream, channel, bytes.length);
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct answer *answer = owner;

	(void)stream;
	ck_assert(slice_is(name, "changed"));
	memcpy(answer->params, params.bytes, params.length);
	answer->params_length = params.length;
	answer->messages++;
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct answer *answer = owner;

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

static struct stream *begin(const char *method, const struct message_type *type, const void *params,
			    struct answer *answer)
{
	uint8_t bytes[40000];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct stream *stream;

	memset(answer, 0, sizeof(*answer));
	if (type)
		message_encode(type, params, &writer);
	ck_assert_int_eq(session_request(session, slice_of(method), cbor_written(&writer),
					 &stream_handlers, answer, &stream),
			 0);
	return stream;
}

static void finish(struct answer *answer)
{
	while (!answer->done)
		uv_run(&loop, UV_RUN_ONCE);
}

static void call(const char *method, const struct message_type *type, const void *params,
		 struct answer *answer)
{
	begin(method, type, params, answer);
	finish(answer);
}

static struct slice params_of(const struct answer *answer)
{
	return (struct slice){answer->params, answer->params_length};
}

static void head_of(const struct answer *answer, unsigned int number, struct screen_head *head)
{
	struct screen_info info;
	struct cbor_reader reader;
	uint64_t left;

	ck_assert_int_eq(message_decode(&message_screen_info, params_of(answer), &info), 0);
	reader = CBOR_READER(info.heads);
	ck_assert_int_eq(message_items_begin(&reader, &left), 0);
	while (message_items_next(&reader, &left, &message_screen_head, head) == 1) {
		if (head->head == number)
			return;
	}
	ck_abort_msg("no head %u", number);
}

/* --- Captures --------------------------------------------------------------------------------- */

struct png_source {
	const uint8_t *bytes;
	size_t left;
};

static void read_png(png_structp png, png_bytep bytes, size_t length)
{
	struct png_source *source = png_get_io_ptr(png);

	ck_assert_uint_le(length, source->left);
	memcpy(bytes, source->bytes, length);
	source->bytes += length;
	source->left -= length;
}

/* Compares with head 0 at the left, head 1 beside it. */
static void check_png(const struct answer *answer, uint32_t width, uint32_t height, uint32_t split,
		      unsigned int first)
{
	png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	struct png_source source = {answer->data, answer->length};
	uint8_t *row = malloc(width * 3UL);

	png_set_read_fn(png, &source, read_png);
	png_read_info(png, info);
	ck_assert_uint_eq(png_get_image_width(png, info), width);
	ck_assert_uint_eq(png_get_image_height(png, info), height);
	ck_assert_int_eq(png_get_color_type(png, info), PNG_COLOR_TYPE_RGB);
	for (uint32_t y = 0; y < height; y++) {
		png_read_row(png, row, NULL);
		for (uint32_t x = 0; x < width; x++) {
			uint32_t expected = x < split ? painted_pixel(first, x, y)
						      : painted_pixel(first + 1, x - split, y);
			uint32_t is = (uint32_t)row[x * 3] << 16 | (uint32_t)row[x * 3 + 1] << 8 |
				      row[x * 3 + 2];

			if (is != expected)
				ck_abort_msg("%u,%u is %06x, not %06x", x, y, is, expected);
		}
	}
	png_read_end(png, NULL);
	ck_assert_uint_eq(source.left, 0);
	png_destroy_read_struct(&png, &info, NULL);
	free(row);
}

START_TEST(a_capture_is_what_the_guest_shows)
{
	struct answer answer;
	struct screen_captured captured;

	painted_source_show(&painted, 0, 801, 603);
	painted_source_show(&painted, 1, 640, 603);
	call("screen.capture", NULL, NULL, &answer);
	ck_assert_int_eq(answer.error, 0);
	message_decode(&message_screen_captured, params_of(&answer), &captured);
	ck_assert_uint_eq(captured.width, 1441);
	ck_assert_uint_eq(captured.height, 603);
	check_png(&answer, 1441, 603, 801, 0);
	free(answer.data);
	/* It watched no longer than it took. */
	ck_assert_str_eq(painted_source_log(&painted), "watch 1;watch 0;");
	ck_assert_ptr_null(screen_viewers(services.screen));
}
END_TEST

START_TEST(a_capture_of_one_head)
{
	struct answer answer;
	struct screen_capture wanted = {.one = true, .head = 1};

	painted_source_show(&painted, 0, 64, 64);
	painted_source_show(&painted, 1, 100, 70);
	call("screen.capture", &message_screen_capture, &wanted, &answer);
	ck_assert_int_eq(answer.error, 0);
	check_png(&answer, 100, 70, 100, 1);
	free(answer.data);
	wanted.head = 2;
	call("screen.capture", &message_screen_capture, &wanted, &answer);
	ck_assert_int_eq(answer.error, -ENODATA);
	wanted.format = SLICE_LITERAL("gif");
	call("screen.capture", &message_screen_capture, &wanted, &answer);
	ck_assert_int_eq(answer.error, -EINVAL);
}
END_TEST

START_TEST(a_raw_capture_with_the_cursor)
{
	struct answer answer;
	struct screen_capture wanted = {.format = SLICE_LITERAL("raw"), .cursor = true};
	uint32_t pixels[4] = {0xff0000ff, 0x80000000, 0, 0xffffffff};
	const struct desktop_cursor cursor = {.visible = true,
					      .width = 2,
					      .height = 2,
					      .hot_x = 1,
					      .x = 64,
					      .y = 0,
					      .pixels = pixels};
	uint32_t below;

	painted_source_show(&painted, 0, 64, 64);
	screen_set_cursor(services.screen, 0, &cursor);
	call("screen.capture", &message_screen_capture, &wanted, &answer);
	ck_assert_int_eq(answer.error, 0);
	ck_assert_uint_eq(answer.length, 64 * 64 * 4);
	/* Its left column only: the other is beyond the edge. */
	ck_assert_uint_eq(load_le32(answer.data + 63 * 4) & 0xffffff, 0x0000ff);
	ck_assert_uint_eq(load_le32(answer.data + (64 + 63) * 4) & 0xffffff,
			  painted_pixel(0, 63, 1));
	below = load_le32(answer.data + 62 * 4) & 0xffffff;
	ck_assert_uint_eq(below, painted_pixel(0, 62, 0));
	free(answer.data);
}
END_TEST

START_TEST(a_capture_waits_for_the_picture)
{
	struct answer answer;

	painted.is_late = true;
	painted_source_show(&painted, 0, 64, 64);
	begin("screen.capture", NULL, NULL, &answer);
	while (!painted.watching)
		uv_run(&loop, UV_RUN_ONCE);
	for (int i = 0; i < 5; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert(!answer.done);
	painted_source_paint(&painted);
	finish(&answer);
	ck_assert_int_eq(answer.error, 0);
	check_png(&answer, 64, 64, 64, 0);
	free(answer.data);
	painted.is_current = false;
	call("screen.capture", NULL, NULL, &answer);
	ck_assert_int_eq(answer.error, -ETIMEDOUT);
	/* Cancelled, and the screen ends: nothing is left. */
	stream_cancel(begin("screen.capture", NULL, NULL, &answer));
	finish(&answer);
	ck_assert_int_eq(answer.error, -ECANCELED);
	begin("screen.capture", NULL, NULL, &answer);
	uv_run(&loop, UV_RUN_ONCE);
	screen_source_ended(services.screen, 0);
	finish(&answer);
	ck_assert_int_eq(answer.error, -ESHUTDOWN);
}
END_TEST

/* --- Sizes ------------------------------------------------------------------------------------ */

START_TEST(a_display_is_set_and_told)
{
	struct answer answer, watch;
	struct screen_display wanted = {.width = 1023, .height = 767};
	struct screen_head head;
	struct stream *watching;

	painted.follows = true;
	painted_source_show(&painted, 0, 640, 480);
	watching = begin("screen.watch", NULL, NULL, &watch);
	call("screen.display", &message_screen_display, &wanted, &answer);
	ck_assert_int_eq(answer.error, 0);
	head_of(&answer, 0, &head);
	ck_assert_uint_eq(head.width, 1023);
	ck_assert_uint_eq(head.height, 767);
	ck_assert_uint_eq(head.requested_width, 1023);
	ck_assert(slice_is(head.by, "user"));
	ck_assert(slice_is(head.followed, "itself"));
	while (watch.messages == 0)
		uv_run(&loop, UV_RUN_ONCE);
	head_of(&watch, 0, &head);
	ck_assert_uint_eq(head.width, 1023);
	stream_cancel(watching);
	finish(&watch);
	ck_assert_int_eq(watch.error, 0);
	ck_assert_ptr_null(screen_viewers(services.screen));
	/* Nobody may switch the last one off, or ask for what cannot be. */
	wanted = (struct screen_display){.off = true};
	call("screen.display", &message_screen_display, &wanted, &answer);
	ck_assert_int_eq(answer.error, -EINVAL);
	wanted = (struct screen_display){.width = 8193, .height = 1};
	call("screen.display", &message_screen_display, &wanted, &answer);
	head_of(&answer, 0, &head);
	ck_assert_uint_eq(head.width, 8192);
	ck_assert_uint_eq(head.height, 64);
}
END_TEST

START_TEST(a_head_that_is_not_there_is_refused)
{
	struct answer answer;
	struct screen_display wanted = {.head = 9, .width = 640, .height = 480};

	painted_source_show(&painted, 0, 640, 480);
	painted.source.heads = 4;
	call("screen.display", &message_screen_display, &wanted, &answer);
	ck_assert_int_eq(answer.error, -ENXIO);
	ck_assert_str_eq(answer.text, "it has 4 heads, the last is 3");
	wanted.off = true;
	call("screen.display", &message_screen_display, &wanted, &answer);
	ck_assert_int_eq(answer.error, -ENXIO);
	wanted.head = 3;
	call("screen.display", &message_screen_display, &wanted, &answer);
	ck_assert_int_eq(answer.error, 0);
	painted.source.heads = 0;
	call("screen.display", &message_screen_display, &wanted, &answer);
	ck_assert_int_eq(answer.error, -ENODEV);
	ck_assert_str_eq(answer.text, "there is no display yet");
}
END_TEST

START_TEST(info_of_a_screen_without_anything)
{
	struct answer answer;
	struct screen_info info;
	struct screen_head head;

	call("screen.info", NULL, NULL, &answer);
	ck_assert_int_eq(answer.error, 0);
	message_decode(&message_screen_info, params_of(&answer), &info);
	ck_assert(slice_is(info.source, "painted"));
	head_of(&answer, 0, &head);
	ck_assert_uint_eq(head.width, 0);
	ck_assert_uint_eq(head.requested_width, 0);
	call("screen.capture", NULL, NULL, &answer);
	ck_assert_int_eq(answer.error, -ENODATA);
	call("screen.nothing", NULL, NULL, &answer);
	ck_assert_int_eq(answer.error, -ENOSYS);
	call("screen.policy", NULL, NULL, &answer);
	ck_assert_int_eq(answer.error, 0);
}
END_TEST

/* --- Typing ----------------------------------------------------------------------------------- */

static void expect_keys(const char *keys)
{
	ck_assert_str_eq(painted_source_log(&painted), keys);
}

START_TEST(text_is_typed_by_the_layout)
{
	struct answer answer;
	struct screen_type text = {.data = SLICE_LITERAL("aZ\n")};

	call("screen.type", &message_screen_type, &text, &answer);
	ck_assert_int_eq(answer.error, 0);
	expect_keys("+30 -30 +42 +44 -44 -42 +28 -28 ");
	text = (struct screen_type){.data = SLICE_LITERAL("z@"), .layout = SLICE_LITERAL("de")};
	call("screen.type", &message_screen_type, &text, &answer);
	ck_assert_int_eq(answer.error, 0);
	expect_keys("+21 -21 +100 +16 -16 -100 ");
	text = (struct screen_type){.data = SLICE_LITERAL("a\xe4\xb8\xad")};
	call("screen.type", &message_screen_type, &text, &answer);
	ck_assert_int_eq(answer.error, -EILSEQ);
	ck_assert_ptr_nonnull(strstr(answer.text, "U+4E2D"));
	text = (struct screen_type){.data = SLICE_LITERAL("a\xff")};
	call("screen.type", &message_screen_type, &text, &answer);
	ck_assert_int_eq(answer.error, -EILSEQ);
	text = (struct screen_type){.data = SLICE_LITERAL("a"), .layout = SLICE_LITERAL("xx")};
	call("screen.type", &message_screen_type, &text, &answer);
	ck_assert_int_eq(answer.error, -ENOENT);
	expect_keys("");
	ck_assert_ptr_null(screen_viewers(services.screen));
}
END_TEST

static struct screen_key names(uint8_t *bytes, size_t capacity, const char *first,
			       const char *second)
{
	struct cbor_writer writer = {.bytes = bytes, .capacity = capacity};

	cbor_put_array(&writer, 2);
	cbor_put_text(&writer, slice_of(first));
	cbor_put_text(&writer, slice_of(second));
	return (struct screen_key){.keys = cbor_written(&writer)};
}

START_TEST(keys_are_pressed_by_name)
{
	uint8_t bytes[128];
	struct answer answer;
	struct screen_key keys = names(bytes, sizeof(bytes), "ctrl-alt-f2", "super");

	call("screen.key", &message_screen_key, &keys, &answer);
	ck_assert_int_eq(answer.error, 0);
	expect_keys("+29 +56 +60 -60 -56 -29 +125 -125 ");
	keys = names(bytes, sizeof(bytes), "a", "ctrl-foo");
	call("screen.key", &message_screen_key, &keys, &answer);
	ck_assert_int_eq(answer.error, -EINVAL);
	ck_assert_ptr_nonnull(strstr(answer.text, "ctrl-foo"));
	keys.keys = SLICE_LITERAL("\x82\x61\x61\x05");
	call("screen.key", &message_screen_key, &keys, &answer);
	ck_assert_int_lt(answer.error, 0);
	expect_keys("");
}
END_TEST

static void on_enough(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

START_TEST(a_busy_guest_or_machine_is_waited_for)
{
	struct answer answer;
	struct screen_type text = {.data = SLICE_LITERAL("a")};
	bool enough = false;
	uv_timer_t timer = {.data = &enough};

	busy = _i == 0;
	painted.is_behind = _i == 1;
	begin("screen.type", &message_screen_type, &text, &answer);
	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, on_enough, 50, 0);
	while (!enough)
		uv_run(&loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	expect_keys("");
	busy = painted.is_behind = false;
	finish(&answer);
	ck_assert_int_eq(answer.error, 0);
	expect_keys("+30 -30 ");
}
END_TEST

START_TEST(nobody_is_waited_for_for_ever)
{
	struct answer answer;
	struct screen_type text = {.data = SLICE_LITERAL("aa")};

	busy = true;
	call("screen.type", &message_screen_type, &text, &answer);
	ck_assert_int_eq(answer.error, 0);
	expect_keys("+30 -30 +30 -30 ");
}
END_TEST

START_TEST(a_cancelled_typist_lets_go)
{
	struct answer answer, second;
	struct screen_type text = {.data = SLICE_LITERAL("AAAAAAAAAAAAAAAA")};
	struct stream *stream = begin("screen.type", &message_screen_type, &text, &answer);

	begin("screen.type", &message_screen_type, &text, &second);
	while (!strstr(painted.log, "+30"))
		uv_run(&loop, UV_RUN_ONCE);
	stream_cancel(stream);
	finish(&answer);
	ck_assert_int_eq(answer.error, -ECANCELED);
	/* The other one goes on. */
	finish(&second);
	ck_assert_int_eq(second.error, 0);
	ck_assert_str_eq(painted.log + strlen(painted.log) - 8, "-30 -42 ");
	/* The client hangs up in the middle: keys go up. */
	begin("screen.type", &message_screen_type, &text, &answer);
	painted.log[0] = '\0';
	while (!strstr(painted.log, "+30"))
		uv_run(&loop, UV_RUN_ONCE);
	session_start(session);
	while (screen_viewers(services.screen))
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_str_eq(painted.log + strlen(painted.log) - 8, "-30 -42 ");
}
END_TEST

/* --- Files ------------------------------------------------------------------------------------ */

/* The guest's agent. */
static struct session *agent;
static struct pump *agent_pump;

static void on_agent_established(void *owner, const struct session_peer *peer)
{
	(void)owner;
	(void)peer;
}

static void on_agent_wake(void *owner)
{
	(void)owner;
	pump_wake(agent_pump);
}

static void on_file(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	const struct files_received received = {.size_bytes = 5,
						.name = SLICE_LITERAL("a (1).txt")};
	struct files_receive want;
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	(void)owner;
	ck_assert(slice_is(method, "files.receive"));
	ck_assert_int_eq(message_decode(&message_files_receive, params, &want), 0);
	ck_assert(slice_is(want.name, "a.txt"));
	message_encode(&message_files_received, &received, &writer);
	stream_reply(stream, cbor_written(&writer));
}

static const struct session_handlers agent_handlers = {.established = on_agent_established,
						       .lost = on_lost,
						       .request = on_file,
						       .wake = on_agent_wake,
						       .random = on_random};

static void agent_comes(void)
{
	static const char *const files[] = {"files", NULL};
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	agent = session_new(SESSION_GUEST, "agent 1", files, &agent_handlers, NULL);
	ck_assert_int_eq(pump_new(&loop, fd[1], false, agent, &pump_handlers, NULL, &agent_pump),
			 0);
	ck_assert_int_eq(guest_attach(services.guest, fd[0]), 0);
	while (!guest_takes_files(services.guest))
		uv_run(&loop, UV_RUN_ONCE);
}

START_TEST(files_go_as_the_policy_allows)
{
	const struct files_receive want = {.name = SLICE_LITERAL("a.txt"), .size_bytes = 5};
	const struct screen_policy no_files = {.to_guest = SLICE_LITERAL("text,images")};
	const struct screen_policy files = {.to_guest = SLICE_LITERAL("files"), .max_bytes = 4096};
	struct files_received received;
	struct screen_policy policy;
	struct answer answer;

	call("screen.send-file", &message_files_receive, &want, &answer);
	ck_assert_int_eq(answer.error, -ENOTCONN);
	agent_comes();
	call("screen.policy", &message_screen_policy, &no_files, &answer);
	ck_assert_int_eq(answer.error, 0);
	call("screen.send-file", &message_files_receive, &want, &answer);
	ck_assert_int_eq(answer.error, -EPERM);
	call("screen.policy", &message_screen_policy, &files, &answer);
	ck_assert_int_eq(message_decode(&message_screen_policy, params_of(&answer), &policy), 0);
	ck_assert(slice_is(policy.to_guest, "files"));
	ck_assert(slice_is(policy.to_host, "text"));
	ck_assert_uint_eq(policy.max_bytes, 4096);
	call("screen.send-file", &message_files_receive, &want, &answer);
	ck_assert_int_eq(answer.error, 0);
	ck_assert_int_eq(message_decode(&message_files_received, params_of(&answer), &received), 0);
	ck_assert(slice_is(received.name, "a (1).txt"));
	pump_free(agent_pump);
	agent_pump = NULL;
	session_free(agent);
	while (guest_takes_files(services.guest))
		uv_run(&loop, UV_RUN_ONCE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *tests = tcase_create("control");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, a_capture_is_what_the_guest_shows);
	tcase_add_test(tests, a_capture_of_one_head);
	tcase_add_test(tests, files_go_as_the_policy_allows);
	tcase_add_test(tests, a_raw_capture_with_the_cursor);
	tcase_add_test(tests, a_capture_waits_for_the_picture);
	tcase_add_test(tests, a_display_is_set_and_told);
	tcase_add_test(tests, a_head_that_is_not_there_is_refused);
	tcase_add_test(tests, info_of_a_screen_without_anything);
	tcase_add_test(tests, text_is_typed_by_the_layout);
	tcase_add_test(tests, keys_are_pressed_by_name);
	tcase_add_loop_test(tests, a_busy_guest_or_machine_is_waited_for, 0, 2);
	tcase_add_test(tests, nobody_is_waited_for_for_ever);
	tcase_add_test(tests, a_cancelled_typist_lets_go);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

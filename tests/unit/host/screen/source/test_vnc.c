/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The VNC source in front of a server that is ours: what it asks, what it makes of answers that
 * come whole or byte by byte, and of nonsense. tests/e2e/display/qemu has a real one. */
#include "host/screen/source/vnc.h"

#include "host/screen/clipboard.h"
#include "host/screen/guest.h"
#include "host/screen/keyboard.h"
#include "host/screen/rfb/packed_text.h"
#include "host/screen/rfb/wire.h"
#include "protocol/base/bytes.h"

#include <check.h>
#include <errno.h>
#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define WIDTH  32
#define HEIGHT 4

static uv_loop_t loop;
static struct screen *screen;
static struct keyboard *keyboard;
static struct viewer viewer;
static unsigned int damages, cursors;
static struct rectangle damaged;
static bool gone;
static int fd; /* the server's */
static bool by_bytes;

/* --- The screen ------------------------------------------------------------------------------- */

static void on_changed(struct viewer *unused)
{
	(void)unused;
}

static void on_damaged(struct viewer *unused, const struct rectangle *where)
{
	(void)unused;
	damages++;
	damaged = *where;
}

static void on_cursor(struct viewer *unused)
{
	(void)unused;
	cursors++;
}

static void on_close(struct viewer *unused)
{
	(void)unused;
	gone = true;
}

static const struct viewer_ops viewer_ops = {.protocol = "test",
					     .desktop_changed = on_changed,
					     .damaged = on_damaged,
					     .cursor_changed = on_cursor,
					     .close = on_close};

static void turn(void)
{
	for (int i = 0; i < 6; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void setup(void)
{
	struct source *source;
	int pair[2];

	uv_loop_init(&loop);
	damages = cursors = 0;
	gone = by_bytes = false;
	viewer = (struct viewer){.ops = &viewer_ops};
	screen = screen_new(&loop, "vm");
	screen_set_patience(screen, 0);
	ck_assert_int_eq(keyboard_new("de", &keyboard), 0);
	screen_set_keyboard(screen, keyboard);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	fd = pair[0];
	ck_assert_int_eq(vnc_source_new(screen, pair[1], &source), 0);
	screen_set_source(screen, source);
	ck_assert_int_eq(screen_add_viewer(screen, &viewer), 0);
}

static void teardown(void)
{
	close(fd);
	screen_free(screen);
	keyboard_free(keyboard);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

/* --- The server ------------------------------------------------------------------------------- */

static void say(const void *bytes, size_t length)
{
	for (size_t at = 0; at < length; at += by_bytes ? 1 : length) {
		size_t some = by_bytes ? 1 : length;

		ck_assert_int_eq(send(fd, (const uint8_t *)bytes + at, some, MSG_NOSIGNAL),
				 (ssize_t)some);
		if (by_bytes)
			turn();
	}
	turn();
}

static void say_wire(struct wire *wire)
{
	ck_assert(!wire->failed);
	say(wire->bytes, wire->length);
	wire_free(wire);
	*wire = (struct wire){0};
}

/* What has come, all of it. */
static size_t hear(uint8_t *bytes, size_t capacity)
{
	ssize_t got;

	turn();
	got = recv(fd, bytes, capacity, MSG_DONTWAIT);
	return got > 0 ? (size_t)got : 0;
}

static void expect(const void *bytes, size_t length)
{
	uint8_t heard[256];

	ck_assert_uint_eq(hear(heard, sizeof(heard)), length);
	ck_assert_mem_eq(heard, bytes, length);
}

static void expect_nothing(void)
{
	uint8_t heard[256];

	ck_assert_uint_eq(hear(heard, sizeof(heard)), 0);
}

#define EXPECT(...) expect((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void put_update(struct wire *wire, unsigned int rectangles)
{
	wire_put16(wire, 0);
	wire_put16(wire, rectangles);
}

static void put_rectangle(struct wire *wire, uint32_t x, uint32_t y, uint32_t width,
			  uint32_t height, int32_t encoding)
{
	wire_put16(wire, x);
	wire_put16(wire, y);
	wire_put16(wire, width);
	wire_put16(wire, height);
	wire_put32(wire, (uint32_t)encoding);
}

static void put_pixels(struct wire *wire, uint32_t x, uint32_t y, uint32_t width, uint32_t height,
		       uint8_t value)
{
	put_rectangle(wire, x, y, width, height, 0);
	for (size_t i = 0; i < (size_t)width * height * 4; i++)
		wire_put8(wire, value);
}

static void say_size(uint32_t reason, uint32_t status, uint32_t width, uint32_t height)
{
	struct wire wire = {0};

	put_update(&wire, 1);
	put_rectangle(&wire, reason, status, width, height, -308);
	wire_put32(&wire, 1U << 24);
	wire_put32(&wire, 0);
	wire_put32(&wire, 0);
	wire_put16(&wire, width);
	wire_put16(&wire, height);
	wire_put32(&wire, 0);
	say_wire(&wire);
}

static void say_rectangle(uint32_t x, int32_t encoding)
{
	struct wire wire = {0};

	put_update(&wire, 1);
	put_rectangle(&wire, x, 0, WIDTH, HEIGHT, encoding);
	say_wire(&wire);
}

static const uint8_t first_request[] = {3, 0, 0, 0, 0, 0, 0, 1, 0, 1};
static const uint8_t full_request[] = {3, 0, 0, 0, 0, 0, 0, WIDTH, 0, HEIGHT};
static const uint8_t nudge[] = {255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x76};

/* As QEMU begins: a size that is rounded, then keys and the pointer, then the size. */
static void begin(void)
{
	struct wire wire = {0};
	uint8_t heard[256];

	say("RFB 003.008\n", 12);
	expect("RFB 003.008\n", 12);
	say("\1\1", 2);
	EXPECT(1);
	say("\0\0\0\0", 4);
	EXPECT(1);
	wire_put16(&wire, WIDTH);
	wire_put16(&wire, HEIGHT);
	wire_put(&wire, "\x20\x18\0\1\0\xff\0\xff\0\xff\x10\x8\0\0\0\0", 16);
	wire_put32(&wire, 4);
	wire_put(&wire, "QEMU", 4);
	say_wire(&wire);
	ck_assert_uint_eq(hear(heard, sizeof(heard)), 20 + 4 + 9 * 4 + 10);
	ck_assert_uint_eq(heard[0], 0);
	ck_assert_uint_eq(heard[20], 2);
	ck_assert_mem_eq(heard + 60, viewer.watching ? full_request : first_request, 10);
	say_rectangle(0, -258);
	expect(nudge, sizeof(nudge));
	ck_assert_uint_eq(screen_desktop(screen)->width, 0);
	say_rectangle(1, -257);
	ck_assert_uint_eq(screen_desktop(screen)->width, WIDTH);
	ck_assert_uint_eq(screen_heads(screen), 0);
	if (viewer.watching)
		return;
	put_update(&wire, 1);
	put_pixels(&wire, 0, 0, 16, 1, 0);
	say_wire(&wire);
	ck_assert_uint_eq(screen_heads(screen), 1);
}

static uint32_t pixel_at(uint32_t x, uint32_t y)
{
	const struct desktop *desktop = screen_desktop(screen);

	ck_assert(x < desktop->width && y < desktop->height);
	return load_le32(desktop->pixels + y * desktop->stride + x * 4UL) & 0xffffff;
}

static void watch(void)
{
	uint8_t both[sizeof(full_request) + sizeof(nudge)];

	memcpy(both, full_request, sizeof(full_request));
	memcpy(both + sizeof(full_request), nudge, sizeof(nudge));
	screen_watch(&viewer, true);
	expect(both, sizeof(both));
}

static void say_picture(uint8_t value)
{
	struct wire wire = {0};

	put_update(&wire, 1);
	put_pixels(&wire, 0, 0, WIDTH, HEIGHT, value);
	say_wire(&wire);
}

static void expect_request(void)
{
	EXPECT(3, 1, 0, 0, 0, 0, 0, WIDTH, 0, HEIGHT);
}

/* --- The clipboard ---------------------------------------------------------------------------- */

static struct clipboard *clipboard;
static struct guest *guest;
static char pasted[64];
static unsigned int wants;

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

static int source_session(void *owner)
{
	struct source *source = screen_source(owner);

	return source->ops->session(source);
}

/* What the server says of its clipboard. */
static void say_clipboard(uint32_t flags, const char *text)
{
	struct wire packed = {0}, wire = {0};

	if (text)
		ck_assert_int_eq(packed_text_put(&packed, slice_of(text)), 0);
	wire_put32(&wire, 3U << 24);
	wire_put32(&wire, 0U - (uint32_t)(packed.length + 4));
	wire_put32(&wire, flags);
	wire_put(&wire, packed.bytes, packed.length);
	wire_free(&packed);
	say_wire(&wire);
}

/* The flags of the clipboard's message that comes next, and its text. */
static uint32_t hear_clipboard(char text[64])
{
	uint8_t heard[256], *taken;
	size_t length = 0, text_length;

	while (length == 0) {
		uv_run(&loop, UV_RUN_NOWAIT);
		length = hear(heard, sizeof(heard));
	}
	ck_assert_uint_ge(length, 12);
	ck_assert_uint_eq(load_be32(heard), 6U << 24);
	ck_assert_uint_eq(0U - load_be32(heard + 4), length - 8);
	if (text) {
		ck_assert_int_eq(packed_text_take(heard + 12, length - 12, &taken, &text_length),
				 0);
		ck_assert_uint_lt(text_length, 64);
		memcpy(text, taken, text_length);
		text[text_length] = '\0';
		free(taken);
	}
	return load_be32(heard + 8);
}

static void begin_clipboard(void)
{
	clipboard = clipboard_new(&loop, ignore_changed, NULL);
	guest = guest_new(&loop, clipboard, &guest_handlers, NULL);
	begin();
	ck_assert_int_eq(source_session(screen), -ENOTCONN);
	say_clipboard(CLIP_CAPS | CLIP_FORMAT_TEXT, NULL);
	guest_set_spare(guest, source_session, screen);
}

static void end_clipboard(void)
{
	guest_free(guest);
	screen_remove_viewer(&viewer);
	clipboard_forget(clipboard, &viewer);
	clipboard_free(clipboard);
}

static void on_pasted(void *owner, int error, struct slice bytes)
{
	(void)owner;
	ck_assert_int_eq(error, 0);
	ck_assert_uint_lt(bytes.length, sizeof(pasted));
	memcpy(pasted, bytes.bytes, bytes.length);
	pasted[bytes.length] = '\0';
	wants++;
}

/* --- Tests ------------------------------------------------------------------------------------ */

START_TEST(pictures_come_while_somebody_looks)
{
	struct wire wire = {0};

	by_bytes = _i == 1;
	begin();
	ck_assert_str_eq(screen_source_name(screen), "vnc");
	ck_assert_uint_eq(screen_desktop(screen)->width, WIDTH);
	expect_nothing();
	watch();
	ck_assert(!screen_is_current(screen));
	say_picture(0x11);
	ck_assert(screen_is_current(screen));
	ck_assert_uint_eq(pixel_at(WIDTH - 1, HEIGHT - 1), 0x111111);
	expect_request();
	put_update(&wire, 2);
	put_pixels(&wire, 3, 1, 2, 2, 0x22);
	put_pixels(&wire, 0, 0, 1, 1, 0x33);
	damages = 0;
	say_wire(&wire);
	ck_assert_uint_eq(damages, 2);
	ck_assert_uint_eq(damaged.width, 1);
	ck_assert_uint_eq(pixel_at(3, 1), 0x222222);
	ck_assert_uint_eq(pixel_at(4, 2), 0x222222);
	ck_assert_uint_eq(pixel_at(5, 2), 0x111111);
	ck_assert_uint_eq(pixel_at(0, 0), 0x333333);
	expect_request();
	screen_watch(&viewer, false);
	expect_nothing();
	/* One may be on its way. */
	say_picture(0x44);
	expect_nothing();
}
END_TEST

START_TEST(who_looks_before_the_beginning_is_served)
{
	screen_watch(&viewer, true);
	expect_nothing();
	begin();
	say_picture(0x11);
	ck_assert_uint_eq(screen_heads(screen), 1);
	ck_assert(screen_is_current(screen));
}
END_TEST

START_TEST(sizes_go_both_ways)
{
	static const uint8_t wanted[] = {251, 0, 0, 200, 0, 100, 1, 0,	 0, 0, 0, 0,
					 0,   0, 0, 0,	 0, 200, 0, 100, 0, 0, 0, 0};
	const struct rectangle place = {.width = 200, .height = 100};
	struct source *source;

	begin();
	source = screen_source(screen);
	/* Not before it has said that it takes them. */
	source->ops->set_mode(source, 0, true, &place, 0, 0);
	expect_nothing();
	say_size(0, 0, WIDTH, HEIGHT);
	source->ops->set_mode(source, 0, true, &place, 0, 0);
	expect(wanted, sizeof(wanted));
	/* Forwarded: nothing has changed. */
	say_size(1, 4, 40, 40);
	ck_assert_uint_eq(screen_desktop(screen)->width, WIDTH);
	say_size(0, 0, 200, 100);
	ck_assert_uint_eq(screen_desktop(screen)->width, 200);
	/* An old server rounds up. */
	say_size(0, 0, 208, 100);
	ck_assert_uint_eq(screen_desktop(screen)->width, 200);
	say_size(0, 0, 208, 101);
	ck_assert_uint_eq(screen_desktop(screen)->width, 208);
	source->ops->set_mode(source, 1, true, &place, 0, 0);
	expect_nothing();
}
END_TEST

START_TEST(a_monitor_is_unplugged_and_plugged_in)
{
	const struct rectangle place = {.width = WIDTH, .height = HEIGHT};
	struct source *source;
	uint8_t heard[256];

	begin();
	source = screen_source(screen);
	say_size(0, 0, WIDTH, HEIGHT);
	source->ops->set_mode(source, 0, false, &place, 0, 0);
	ck_assert_uint_eq(hear(heard, sizeof(heard)), 24);
	ck_assert_uint_eq(load_be16(heard + 2), 0);
	turn();
	ck_assert_uint_eq(screen_desktop(screen)->width, 0);
	source->ops->set_mode(source, 0, true, &place, 0, 0);
	ck_assert_uint_eq(hear(heard, sizeof(heard)), 24);
	ck_assert_uint_eq(screen_desktop(screen)->width, WIDTH);
}
END_TEST

START_TEST(keys_are_scancodes_with_the_layouts_keysym)
{
	begin();
	screen_key(&viewer, KEY_Y, true); /* "z" to the Germans */
	EXPECT(255, 0, 0, 1, 0, 0, 0, 'z', 0, 0, 0, 0x15);
	screen_key(&viewer, KEY_Y, false);
	EXPECT(255, 0, 0, 0, 0, 0, 0, 'z', 0, 0, 0, 0x15);
	screen_key(&viewer, KEY_RIGHTCTRL, true);
	EXPECT(255, 0, 0, 1, 0, 0, 0xff, 0xe4, 0, 0, 0, 0x9d);
}
END_TEST

START_TEST(whether_keys_were_taken_is_asked)
{
	struct source *source;

	begin();
	source = screen_source(screen);
	say_size(0, 0, WIDTH, HEIGHT);
	ck_assert(!source->ops->is_behind(source));
	expect_nothing();
	screen_key(&viewer, KEY_A, true);
	EXPECT(255, 0, 0, 1, 0, 0, 0, 'a', 0, 0, 0, 0x1e);
	ck_assert(source->ops->is_behind(source));
	ck_assert(source->ops->is_behind(source));
	expect(first_request, sizeof(first_request));
	say_size(0, 0, WIDTH, HEIGHT);
	ck_assert(!source->ops->is_behind(source));
	expect_nothing();
}
END_TEST

START_TEST(an_old_server_answers_with_pixels)
{
	struct source *source;

	begin();
	source = screen_source(screen);
	ck_assert(!source->ops->is_behind(source));
	screen_key(&viewer, KEY_A, true);
	ck_assert(source->ops->is_behind(source));
	say_picture(0);
	ck_assert(!source->ops->is_behind(source));
}
END_TEST

START_TEST(a_tablet_is_told_places)
{
	begin();
	screen_pointer(&viewer, 5, 3, 0);
	EXPECT(5, 0, 0, 5, 0, 3);
	screen_pointer(&viewer, 5, 3, 4);
	EXPECT(5, 0, 0, 5, 0, 3, 5, 4, 0, 5, 0, 3);
	screen_wheel(&viewer, 0, -1);
	EXPECT(5, 20, 0, 5, 0, 3, 5, 4, 0, 5, 0, 3);
	screen_motion(&viewer, 100, -1, 4);
	EXPECT(5, 4, 0, WIDTH - 1, 0, 2);
}
END_TEST

START_TEST(a_mouse_is_told_how_far)
{
	begin();
	say_rectangle(0, -257);
	screen_pointer(&viewer, 5, 3, 0);
	expect_nothing(); /* from where? */
	screen_pointer(&viewer, 7, 2, 0);
	EXPECT(5, 0, 0x80, 0x01, 0x7f, 0xfe);
	screen_motion(&viewer, -2, 0, 1);
	EXPECT(5, 0, 0x7f, 0xfd, 0x7f, 0xff, 5, 1, 0x7f, 0xff, 0x7f, 0xff);
	screen_motion(&viewer, 1000000, 0, 1);
	EXPECT(5, 1, 0xff, 0xfe, 0x7f, 0xff);
}
END_TEST

START_TEST(cursors_are_shown)
{
	const struct desktop_cursor *cursor = screen_cursor(screen);
	struct wire wire = {0};

	by_bytes = _i == 1;
	begin();
	screen_pointer(&viewer, 5, 3, 0);
	/* 9 x 1 with a mask of 2 bytes a row: the first and the last pixel. */
	put_update(&wire, 1);
	put_rectangle(&wire, 2, 0, 9, 1, -239);
	for (uint32_t i = 0; i < 9; i++)
		wire_put32(&wire, 0x10203000);
	wire_put16(&wire, 0x8080);
	say_wire(&wire);
	ck_assert(cursor->visible);
	ck_assert_uint_eq(cursor->width, 9);
	ck_assert_uint_eq(cursor->hot_x, 2);
	ck_assert_int_eq(cursor->x, 5);
	ck_assert_uint_eq(le32toh(cursor->pixels[0]), 0xff302010);
	ck_assert_uint_eq(le32toh(cursor->pixels[1]), 0);
	ck_assert_uint_eq(le32toh(cursor->pixels[8]), 0xff302010);
	screen_pointer(&viewer, 6, 3, 0);
	ck_assert_int_eq(cursor->x, 6);

	put_update(&wire, 1);
	put_rectangle(&wire, 9, 0, 1, 1, -314);
	wire_put32(&wire, 0);
	wire_put32(&wire, 0x01020380);
	say_wire(&wire);
	ck_assert_uint_eq(le32toh(cursor->pixels[0]), 0x80030201);
	ck_assert_uint_eq(cursor->hot_x, 0);
	/* Nothing that could be seen. */
	put_update(&wire, 1);
	put_rectangle(&wire, 0, 0, 1, 1, -314);
	wire_put32(&wire, 0);
	wire_put32(&wire, 0);
	say_wire(&wire);
	ck_assert(!cursor->visible);
}
END_TEST

START_TEST(what_the_guest_copies_is_pasted_here)
{
	struct clipboard_paste *paste;

	by_bytes = _i == 1;
	begin_clipboard();
	wants = 0;
	say_clipboard(CLIP_NOTIFY | CLIP_FORMAT_TEXT, NULL);
	while (clipboard_types(clipboard, NULL, CLIPBOARD_CLIPBOARD).count == 0)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_int_eq(clipboard_paste(clipboard, NULL, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, 1000,
					 on_pasted, NULL, &paste),
			 0);
	ck_assert_uint_eq(hear_clipboard(NULL), CLIP_REQUEST | CLIP_FORMAT_TEXT);
	say_clipboard(CLIP_PROVIDE | CLIP_FORMAT_TEXT, "Gr\xc3\xbc\xc3\x9f\ne");
	while (wants == 0)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_str_eq(pasted, "Gr\xc3\xbc\xc3\x9f\ne");
	/* It is no more. */
	say_clipboard(CLIP_NOTIFY, NULL);
	while (clipboard_types(clipboard, NULL, CLIPBOARD_CLIPBOARD).count > 0)
		uv_run(&loop, UV_RUN_ONCE);
	end_clipboard();
}
END_TEST

START_TEST(what_is_copied_here_the_guest_pastes)
{
	char text[64];

	begin_clipboard();
	ck_assert_int_eq(clipboard_copied_bytes(clipboard, &viewer, CLIPBOARD_CLIPBOARD,
						CLIPBOARD_TEXT, "a\nb", 3),
			 0);
	ck_assert_uint_eq(hear_clipboard(NULL), CLIP_NOTIFY | CLIP_FORMAT_TEXT);
	say_clipboard(CLIP_REQUEST | CLIP_FORMAT_TEXT, NULL);
	ck_assert_uint_eq(hear_clipboard(text), CLIP_PROVIDE | CLIP_FORMAT_TEXT);
	ck_assert_str_eq(text, "a\nb");
	end_clipboard();
}
END_TEST

START_TEST(packed_nonsense_ends_it)
{
	struct clipboard_paste *paste;

	begin_clipboard();
	/* Nobody has asked. */
	say("\3\0\0\0\xff\xff\xff\xf8\x10\0\0\1abcd", 16);
	ck_assert(!gone);
	say_clipboard(CLIP_NOTIFY | CLIP_FORMAT_TEXT, NULL);
	while (clipboard_types(clipboard, NULL, CLIPBOARD_CLIPBOARD).count == 0)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_int_eq(clipboard_paste(clipboard, NULL, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, 1000,
					 on_pasted, NULL, &paste),
			 0);
	(void)hear_clipboard(NULL);
	clipboard_paste_cancel(paste);
	say("\3\0\0\0\xff\xff\xff\xf8\x10\0\0\1abcd", 16);
	say("\x55", 1);
	ck_assert(gone);
	guest_free(guest);
	clipboard_free(clipboard);
}
END_TEST

START_TEST(lights_are_told)
{
	struct wire wire = {0};

	begin();
	put_update(&wire, 1);
	put_rectangle(&wire, 0, 0, 1, 1, -261);
	wire_put8(&wire, 6);
	say_wire(&wire);
	ck_assert_uint_eq(screen_leds(screen), 1U << LED_NUML | 1U << LED_CAPSL);
}
END_TEST

START_TEST(other_messages_are_read_past)
{
	struct wire wire = {0};

	by_bytes = _i == 1;
	begin();
	watch();
	wire_put8(&wire, 2);			   /* bell */
	wire_put(&wire, "\1\0\0\0\0\1colour", 12); /* one colour */
	wire_put(&wire, "\3\0\0\0\0\0\0\5Gruss", 13);
	wire_put(&wire, "\3\0\0\0\0\0\0\0", 8);
	put_update(&wire, 0);
	say_wire(&wire);
	say_picture(0x11);
	ck_assert_uint_eq(pixel_at(0, 0), 0x111111);
}
END_TEST

START_TEST(what_is_outside_is_left_out)
{
	struct wire wire = {0};

	begin();
	watch();
	put_update(&wire, 3);
	put_pixels(&wire, WIDTH - 1, HEIGHT - 1, 2, 2, 0x11);
	put_pixels(&wire, 60000, 60000, 1, 1, 0x22);
	put_pixels(&wire, 0, 0, 0, 7, 0x33);
	say_wire(&wire);
	ck_assert(!gone);
	ck_assert_uint_eq(pixel_at(WIDTH - 1, HEIGHT - 1), 0x111111);
}
END_TEST

START_TEST(nonsense_ends_it)
{
	static const struct {
		uint32_t width, height;
		int32_t encoding;
	} nonsense[] = {
		{1, 1, 7},	{16385, 1, 0},	  {1, 16385, 0},    {513, 1, -239},
		{1, 513, -314}, {16385, 1, -308}, {1, 16385, -223},
	};
	struct wire wire = {0};

	begin();
	put_update(&wire, 1);
	put_rectangle(&wire, 0, 0, nonsense[_i].width, nonsense[_i].height, nonsense[_i].encoding);
	wire_put32(&wire, 0);
	say_wire(&wire);
	ck_assert(gone);
}
END_TEST

START_TEST(strange_beginnings_end_it)
{
	static const char *const beginnings[] = {"RFB 003.003\n", "HTTP/1.1 200",
						 "RFB 003.008\n\1\2", "RFB 003.008\n\1\1\1\1\1\1"};

	say(beginnings[_i], strlen(beginnings[_i]));
	ck_assert(gone);
}
END_TEST

START_TEST(a_message_that_nobody_knows_ends_it)
{
	begin();
	say("\x55", 1);
	ck_assert(gone);
}
END_TEST

START_TEST(the_end_of_the_server_is_the_end)
{
	int error = 1;

	begin();
	shutdown(fd, SHUT_RDWR);
	turn();
	ck_assert(gone);
	ck_assert(screen_ended(screen, &error));
	ck_assert_int_eq(error, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("source/vnc");
	TCase *tcase = tcase_create("vnc");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, pictures_come_while_somebody_looks, 0, 2);
	tcase_add_test(tcase, who_looks_before_the_beginning_is_served);
	tcase_add_test(tcase, sizes_go_both_ways);
	tcase_add_test(tcase, a_monitor_is_unplugged_and_plugged_in);
	tcase_add_test(tcase, keys_are_scancodes_with_the_layouts_keysym);
	tcase_add_test(tcase, whether_keys_were_taken_is_asked);
	tcase_add_test(tcase, an_old_server_answers_with_pixels);
	tcase_add_test(tcase, a_tablet_is_told_places);
	tcase_add_test(tcase, a_mouse_is_told_how_far);
	tcase_add_loop_test(tcase, cursors_are_shown, 0, 2);
	tcase_add_loop_test(tcase, what_the_guest_copies_is_pasted_here, 0, 2);
	tcase_add_test(tcase, what_is_copied_here_the_guest_pastes);
	tcase_add_test(tcase, packed_nonsense_ends_it);
	tcase_add_test(tcase, lights_are_told);
	tcase_add_loop_test(tcase, other_messages_are_read_past, 0, 2);
	tcase_add_test(tcase, what_is_outside_is_left_out);
	tcase_add_loop_test(tcase, nonsense_ends_it, 0, 7);
	tcase_add_loop_test(tcase, strange_beginnings_end_it, 0, 4);
	tcase_add_test(tcase, a_message_that_nobody_knows_ends_it);
	tcase_add_test(tcase, the_end_of_the_server_is_the_end);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host/screen/source/played_vnc.h"

#include "host/screen/source/vnc.h"
#include "protocol/base/bytes.h"

#include <check.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const uint8_t played_vnc_first_request[] = {3, 0, 0, 0, 0, 0, 0, 1, 0, 1};
const uint8_t played_vnc_full_request[] = {3, 0, 0, 0, 0, 0, 0, WIDTH, 0, HEIGHT};
const uint8_t played_vnc_nudge[] = {255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x76};

static struct played_vnc *vnc_of(struct viewer *viewer)
{
	return CONTAINER_OF(viewer, struct played_vnc, viewer);
}

static void on_changed(struct viewer *viewer)
{
	(void)viewer;
}

static void on_damaged(struct viewer *viewer, const struct rectangle *where)
{
	struct played_vnc *vnc = vnc_of(viewer);

	vnc->damages++;
	vnc->damaged = *where;
}

static void on_cursor(struct viewer *viewer)
{
	vnc_of(viewer)->cursors++;
}

static void on_close(struct viewer *viewer)
{
	vnc_of(viewer)->gone = true;
}

static const struct viewer_ops viewer_ops = {.protocol = "test",
					     .desktop_changed = on_changed,
					     .damaged = on_damaged,
					     .cursor_changed = on_cursor,
					     .close = on_close};

void played_vnc_turn(struct played_vnc *vnc)
{
	for (int i = 0; i < 6; i++)
		uv_run(&vnc->loop, UV_RUN_NOWAIT);
}

void played_vnc_open(struct played_vnc *vnc)
{
	struct source *source;
	int pair[2];

	*vnc = (struct played_vnc){.viewer = {.ops = &viewer_ops}};
	uv_loop_init(&vnc->loop);
	vnc->screen = screen_new(&vnc->loop, "vm");
	screen_set_patience(vnc->screen, 0);
	ck_assert_int_eq(keyboard_new("de", &vnc->keyboard), 0);
	screen_set_keyboard(vnc->screen, vnc->keyboard);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	vnc->fd = pair[0];
	ck_assert_int_eq(vnc_source_new(vnc->screen, pair[1], &source), 0);
	screen_set_source(vnc->screen, source);
	ck_assert_int_eq(screen_add_viewer(vnc->screen, &vnc->viewer), 0);
}

void played_vnc_close(struct played_vnc *vnc)
{
	close(vnc->fd);
	screen_free(vnc->screen);
	keyboard_free(vnc->keyboard);
	uv_run(&vnc->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&vnc->loop), 0);
}

void played_vnc_say(struct played_vnc *vnc, const void *bytes, size_t length)
{
	for (size_t at = 0; at < length; at += vnc->by_bytes ? 1 : length) {
		size_t some = vnc->by_bytes ? 1 : length;

		ck_assert_int_eq(send(vnc->fd, (const uint8_t *)bytes + at, some, MSG_NOSIGNAL),
				 (ssize_t)some);
		if (vnc->by_bytes)
			played_vnc_turn(vnc);
	}
	played_vnc_turn(vnc);
}

void played_vnc_say_wire(struct played_vnc *vnc, struct wire *wire)
{
	ck_assert(!wire->failed);
	played_vnc_say(vnc, wire->bytes, wire->length);
	wire_free(wire);
	*wire = (struct wire){0};
}

size_t played_vnc_hear(struct played_vnc *vnc, uint8_t *bytes, size_t capacity)
{
	ssize_t got;

	played_vnc_turn(vnc);
	got = recv(vnc->fd, bytes, capacity, MSG_DONTWAIT);
	return got > 0 ? (size_t)got : 0;
}

void played_vnc_expect(struct played_vnc *vnc, const void *bytes, size_t length)
{
	uint8_t heard[256];

	ck_assert_uint_eq(played_vnc_hear(vnc, heard, sizeof(heard)), length);
	ck_assert_mem_eq(heard, bytes, length);
}

void played_vnc_expect_nothing(struct played_vnc *vnc)
{
	uint8_t heard[256];

	ck_assert_uint_eq(played_vnc_hear(vnc, heard, sizeof(heard)), 0);
}

void played_vnc_put_update(struct wire *wire, unsigned int rectangles)
{
	wire_put16(wire, 0);
	wire_put16(wire, rectangles);
}

void played_vnc_put_rectangle(struct wire *wire, uint32_t x, uint32_t y, uint32_t width,
			      uint32_t height, int32_t encoding)
{
	wire_put16(wire, x);
	wire_put16(wire, y);
	wire_put16(wire, width);
	wire_put16(wire, height);
	wire_put32(wire, (uint32_t)encoding);
}

void played_vnc_put_pixels(struct wire *wire, uint32_t x, uint32_t y, uint32_t width,
			   uint32_t height, uint8_t value)
{
	played_vnc_put_rectangle(wire, x, y, width, height, RFB_RAW);
	for (size_t i = 0; i < (size_t)width * height * 4; i++)
		wire_put8(wire, value);
}

void played_vnc_say_size(struct played_vnc *vnc, uint32_t reason, uint32_t status, uint32_t width,
			 uint32_t height)
{
	struct wire wire = {0};

	played_vnc_put_update(&wire, 1);
	played_vnc_put_rectangle(&wire, reason, status, width, height, RFB_EXTENDED_DESKTOP_SIZE);
	wire_put32(&wire, 1U << 24);
	wire_put32(&wire, 0);
	wire_put32(&wire, 0);
	wire_put16(&wire, width);
	wire_put16(&wire, height);
	wire_put32(&wire, 0);
	played_vnc_say_wire(vnc, &wire);
}

void played_vnc_say_rectangle(struct played_vnc *vnc, uint32_t x, int32_t encoding)
{
	struct wire wire = {0};

	played_vnc_put_update(&wire, 1);
	played_vnc_put_rectangle(&wire, x, 0, WIDTH, HEIGHT, encoding);
	played_vnc_say_wire(vnc, &wire);
}

void played_vnc_begin(struct played_vnc *vnc)
{
	struct wire wire = {0};
	uint8_t heard[256];

	played_vnc_say(vnc, "RFB 003.008\n", 12);
	played_vnc_expect(vnc, "RFB 003.008\n", 12);
	played_vnc_say(vnc, "\1\1", 2);
	EXPECT(vnc, 1);
	played_vnc_say(vnc, "\0\0\0\0", 4);
	EXPECT(vnc, 1);
	wire_put16(&wire, WIDTH);
	wire_put16(&wire, HEIGHT);
	wire_put(&wire, "\x20\x18\0\1\0\xff\0\xff\0\xff\x10\x8\0\0\0\0", 16);
	wire_put32(&wire, 4);
	wire_put(&wire, "QEMU", 4);
	played_vnc_say_wire(vnc, &wire);
	ck_assert_uint_eq(played_vnc_hear(vnc, heard, sizeof(heard)), 20 + 4 + 9 * 4 + 10);
	ck_assert_uint_eq(heard[0], 0);
	ck_assert_uint_eq(heard[20], 2);
	ck_assert_mem_eq(heard + 60,
			 vnc->viewer.watching ? played_vnc_full_request : played_vnc_first_request,
			 10);
	played_vnc_say_rectangle(vnc, 0, RFB_QEMU_KEYS);
	played_vnc_expect(vnc, played_vnc_nudge, sizeof(played_vnc_nudge));
	ck_assert_uint_eq(screen_desktop(vnc->screen)->width, 0);
	played_vnc_say_rectangle(vnc, 1, RFB_QEMU_MOTION);
	ck_assert_uint_eq(screen_desktop(vnc->screen)->width, WIDTH);
	ck_assert_uint_eq(screen_heads(vnc->screen), 0);
	if (vnc->viewer.watching)
		return;
	played_vnc_put_update(&wire, 1);
	played_vnc_put_pixels(&wire, 0, 0, 16, 1, 0);
	played_vnc_say_wire(vnc, &wire);
	ck_assert_uint_eq(screen_heads(vnc->screen), 1);
}

void played_vnc_say_picture(struct played_vnc *vnc, uint8_t value)
{
	struct wire wire = {0};

	played_vnc_put_update(&wire, 1);
	played_vnc_put_pixels(&wire, 0, 0, WIDTH, HEIGHT, value);
	played_vnc_say_wire(vnc, &wire);
}

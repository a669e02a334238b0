/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: screen http sandbox arguments pump relay busloop protocol base
/* A hostile VNC viewer, and a desktop that changes meanwhile. */
#include "host/screen/clipboard.h"
#include "host/screen/keyboard.h"
#include "host/screen/rfb/rfb.h"
#include "protocol/base/bytes.h"
#include "tests/fuzz/checked_source.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The first byte of an input. */
enum {
	SKIP_HANDSHAKE = 1, /* it is done for the viewer */
	PASSWORD = 2,
	VIEW_ONLY = 4,
	SETTLED = 8, /* encodings of all kinds were set */
	EXCLUSIVE = 16,
};

struct fuzz {
	uv_loop_t loop;
	struct screen *screen;
	struct clipboard *clipboard;
	struct source source;
	struct screen_wish wish;
	int fd;
};

static void on_requested(void *owner, enum screen_who who, const struct screen_wish *wish)
{
	struct fuzz *fuzz = owner;

	(void)who;
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (wish->head[i].named && (wish->head[i].width < SCREEN_MIN_SIZE ||
					    wish->head[i].width > SCREEN_MAX_SIZE))
			abort();
	}
	fuzz->wish = *wish;
}

static void on_gone(void *owner, struct viewer *viewer)
{
	clipboard_forget(((struct fuzz *)owner)->clipboard, viewer);
}

static const struct screen_hooks hooks = {.requested = on_requested, .viewer_gone = on_gone};

static void on_clipboard(void *owner, struct viewer *by)
{
	screen_clipboard_changed(((struct fuzz *)owner)->screen, by);
}

static void on_pasted(void *owner, int error, struct slice text)
{
	(void)owner, (void)error, (void)text;
}

static void drain(struct fuzz *fuzz)
{
	static uint8_t unread[1 << 16];

	uv_run(&fuzz->loop, UV_RUN_NOWAIT);
	while (recv(fuzz->fd, unread, sizeof(unread), MSG_DONTWAIT) > 0)
		uv_run(&fuzz->loop, UV_RUN_NOWAIT);
}

static void say(struct fuzz *fuzz, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	while (length) {
		ssize_t sent = send(fuzz->fd, at, length, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno != EAGAIN)
			return;
		if (sent > 0) {
			at += sent;
			length -= (size_t)sent;
		}
		drain(fuzz);
	}
}

static void paint(struct fuzz *fuzz, uint8_t seed)
{
	struct rectangle place, part;
	size_t stride;
	uint8_t *pixels = screen_pixels(fuzz->screen, 0, &place, &stride);

	if (!pixels)
		return;
	for (uint32_t y = 0; y < place.height; y++) {
		for (uint32_t x = 0; x < place.width; x++) {
			uint32_t colour = seed % 3 ? (x * seed ^ y) * 0x10101 : seed;

			store_le32(pixels + y * stride + x * 4UL, colour);
		}
	}
	part = (struct rectangle){0, 0, place.width, place.height};
	screen_damaged(fuzz->screen, 0, &part);
}

static void set_cursor(struct fuzz *fuzz, uint8_t seed)
{
	uint32_t pixels[32 * 32];
	struct desktop_cursor cursor = {
		.visible = seed & 1,
		.width = 1U + seed % 32,
		.height = 1U + seed / 8,
		.hot_x = seed,
		.x = seed * 9,
		.y = -seed,
		.pixels = pixels,
	};

	memset(pixels, seed, sizeof(pixels));
	screen_set_cursor(fuzz->screen, 0, &cursor);
}

/* Something happens on the guest's side. */
static void happen(struct fuzz *fuzz, uint8_t what, uint8_t how)
{
	struct clipboard_paste *paste;

	switch (what % 7) {
	case 0:
		paint(fuzz, how);
		break;
	case 1:
		screen_head_changed(fuzz->screen, how % 2, 64U + how, 64U + how / 3);
		break;
	case 2:
		screen_head_changed(fuzz->screen, 0, how % 100, 1);
		break;
	case 3:
		set_cursor(fuzz, how);
		break;
	case 4:
		screen_set_leds(fuzz->screen, how % 8);
		break;
	case 5:
		for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
			if (fuzz->wish.head[i].named)
				screen_head_changed(fuzz->screen, i,
						    MIN(fuzz->wish.head[i].width, 500),
						    MIN(fuzz->wish.head[i].height, 500));
		}
		break;
	default:
		clipboard_paste(fuzz->clipboard, NULL, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, 1000,
				on_pasted, NULL, &paste);
		break;
	}
}

static void begin(struct fuzz *fuzz, uint8_t options)
{
	static const uint8_t encodings[] = {
		2,    0,    0,	  18,	0,    0,    0,	  7,	0,    0,    0,	  16,	0,
		0,    0,    5,	  0xff, 0xff, 0xff, 0x11, 0xff, 0xff, 0xff, 0x21, 0xff, 0xff,
		0xff, 0x20, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xfe, 0xfe, 0xff, 0xff, 0xfe,
		0xfb, 0xff, 0xff, 0xfe, 0xcd, 0xff, 0xff, 0xfe, 0xcc, 0xff, 0xff, 0xfe, 0xc8,
		0xff, 0xff, 0xfe, 0xc7, 0xff, 0xff, 0xfe, 0xc6, 0xff, 0xff, 0xfe, 0xc4, 0xc0,
		0xa1, 0xe5, 0xce, 0xff, 0xff, 0xff, 0xe5, 0x57, 0x4d, 0x56, 0x68};
	static const uint8_t enable[] = {150, 1, 0, 0, 0, 0, 1, 0, 1, 0};

	if (!(options & SKIP_HANDSHAKE))
		return;
	say(fuzz, "RFB 003.003\n\1", 13);
	if (options & SETTLED) {
		say(fuzz, encodings, sizeof(encodings));
		say(fuzz, enable, sizeof(enable));
	}
}

static void play(struct fuzz *fuzz, const uint8_t *bytes, size_t size)
{
	while (size >= 2) {
		size_t length = bytes[0];

		if (length == 0) {
			if (size < 3)
				break;
			happen(fuzz, bytes[1], bytes[2]);
			length = 2;
		} else {
			length = MIN(length, size - 1);
			say(fuzz, bytes + 1, length);
		}
		bytes += 1 + length;
		size -= 1 + length;
		drain(fuzz);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct keyboard *keyboard;
	struct rfb_attempts attempts = {0};
	struct fuzz fuzz = {.source = {.ops = &source_ops, .heads = DESKTOP_MAX_HEADS}};
	struct rfb_options options = {.attempts = &attempts};
	struct link *link;
	int pair[2];

	if (size < 1)
		return 0;
	if (!keyboard && keyboard_new("us", &keyboard) < 0)
		abort();
	options.view_only = bytes[0] & VIEW_ONLY;
	options.exclusive = bytes[0] & EXCLUSIVE;
	options.password = bytes[0] & PASSWORD && !(bytes[0] & SKIP_HANDSHAKE) ? "x" : NULL;
	uv_loop_init(&fuzz.loop);
	fuzz.screen = screen_new(&fuzz.loop, "fuzz");
	fuzz.clipboard = clipboard_new(&fuzz.loop, on_clipboard, &fuzz);
	screen_set_clipboard(fuzz.screen, fuzz.clipboard);
	screen_set_keyboard(fuzz.screen, keyboard);
	screen_set_hooks(fuzz.screen, &hooks, &fuzz);
	screen_set_source(fuzz.screen, &fuzz.source);
	screen_head_changed(fuzz.screen, 0, 128, 80);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		abort();
	fuzz.fd = pair[0];
	link = link_new(&fuzz.loop, pair[1]);
	if (rfb_accept(fuzz.screen, link, &options, "fuzz") < 0)
		abort();
	begin(&fuzz, bytes[0]);
	play(&fuzz, bytes + 1, size - 1);
	close(fuzz.fd);
	uv_run(&fuzz.loop, UV_RUN_NOWAIT);
	/* Links that finish wait for their peer, which is gone. */
	while (screen_viewers(fuzz.screen))
		uv_run(&fuzz.loop, UV_RUN_ONCE);
	clipboard_free(fuzz.clipboard);
	screen_free(fuzz.screen);
	uv_run(&fuzz.loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&fuzz.loop) != 0)
		abort();
	return 0;
}

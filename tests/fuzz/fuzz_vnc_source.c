/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: screen http sandbox arguments pump relay busloop protocol base
/* A hostile VNC server, as the source of a screen. */
#include "host/screen/source/vnc.h"

#include "host/screen/clipboard.h"
#include "host/screen/guest.h"

#include "protocol/base/bytes.h"
#include "tests/fuzz/checked_viewer.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What an input's bytes say. */
enum {
	SEND,	   /* length, bytes */
	RECTANGLE, /* x, y, width, height: 1 byte each, encoding (an index), length, bytes */
	WATCH,	   /* whether */
	INPUT,	   /* x, y, buttons, code, down */
	SIZE,	   /* off, width, height */
	CLIPBOARD, /* flags (top byte), whether it is of text, length, bytes */
	PASTE,	   /* somebody here does */
	COPY,	   /* likewise */
	KINDS,
};

struct fuzz {
	uv_loop_t loop;
	struct screen *screen;
	struct checked_viewer viewer;
	struct clipboard *clipboard;
	struct guest *guest;
	int fd;
	const uint8_t *bytes;
	size_t left;
};

static uint8_t take(struct fuzz *fuzz)
{
	if (fuzz->left == 0)
		return 0;
	fuzz->left--;
	return *fuzz->bytes++;
}

/* --- The server ------------------------------------------------------------------------------- */

static void turn(struct fuzz *fuzz)
{
	uint8_t heard[4096];

	for (int i = 0; i < 3; i++)
		uv_run(&fuzz->loop, UV_RUN_NOWAIT);
	while (recv(fuzz->fd, heard, sizeof(heard), MSG_DONTWAIT) > 0)
		;
}

static void say(struct fuzz *fuzz, const void *bytes, size_t length)
{
	(void)send(fuzz->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void say_rest(struct fuzz *fuzz)
{
	size_t length = take(fuzz);

	length = MIN(length, fuzz->left);
	say(fuzz, fuzz->bytes, length);
	fuzz->bytes += length;
	fuzz->left -= length;
}

static void say_rectangle(struct fuzz *fuzz)
{
	static const int16_t encodings[] = {0, -223, -239, -257, -258, -261, -308, -314};
	uint8_t update[16] = {[3] = 1};
	int16_t encoding;

	for (size_t i = 5; i < 12; i += 2)
		update[i] = take(fuzz);
	encoding = encodings[take(fuzz) % ARRAY_SIZE(encodings)];
	update[12] = update[13] = encoding < 0 ? 0xff : 0;
	update[14] = (uint8_t)((uint16_t)encoding >> 8);
	update[15] = (uint8_t)encoding;
	say(fuzz, update, sizeof(update));
	say_rest(fuzz);
}

static void say_clipboard(struct fuzz *fuzz)
{
	uint8_t head[12] = {3};
	size_t length;

	head[8] = take(fuzz);
	head[11] = take(fuzz) & 1;
	length = take(fuzz);
	length = MIN(length, fuzz->left);
	length += 4;
	head[4] = head[5] = 0xff;
	head[6] = (uint8_t)((0U - length) >> 8);
	head[7] = (uint8_t)(0U - length);
	say(fuzz, head, sizeof(head));
	length -= 4;
	say(fuzz, fuzz->bytes, length);
	fuzz->bytes += length;
	fuzz->left -= length;
}

static void ignore_pasted(void *owner, int error, struct slice bytes)
{
	(void)owner;
	(void)error;
	(void)bytes;
}

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

static int session(void *owner)
{
	struct source *source = screen_source(owner);

	return source->ops->session(source);
}

static void begin(struct fuzz *fuzz)
{
	static const uint8_t caps[12] = {3, 0, 0, 0, 0xff, 0xff, 0xff, 0xfc, 1, 0, 0, 1};
	static const uint8_t init[24] = {0, 32, 0, 32, 32, 24};

	say(fuzz, "RFB 003.008\n\1\1\0\0\0\0", 18);
	say(fuzz, init, sizeof(init));
	say(fuzz, caps, sizeof(caps));
	turn(fuzz);
	if (!fuzz->viewer.gone)
		guest_set_spare(fuzz->guest, session, fuzz->screen);
	turn(fuzz);
}

static void do_input(struct fuzz *fuzz)
{
	const uint8_t x = take(fuzz), y = take(fuzz), buttons = take(fuzz), code = take(fuzz);

	screen_pointer(&fuzz->viewer.viewer, x, y, buttons);
	screen_motion(&fuzz->viewer.viewer, (int8_t)x, (int8_t)y, buttons);
	screen_key(&fuzz->viewer.viewer, code, take(fuzz) & 1);
}

static void set_size(struct fuzz *fuzz)
{
	struct source *source = screen_source(fuzz->screen);
	const bool off = take(fuzz) & 1;
	struct rectangle place = {0};

	place.width = take(fuzz);
	place.height = take(fuzz);
	source->ops->set_mode(source, 0, !off, &place, 0, 0);
}

static void act(struct fuzz *fuzz)
{
	switch (take(fuzz) % KINDS) {
	case SEND:
		say_rest(fuzz);
		break;
	case RECTANGLE:
		say_rectangle(fuzz);
		break;
	case WATCH:
		screen_watch(&fuzz->viewer.viewer, take(fuzz) & 1);
		break;
	case CLIPBOARD:
		say_clipboard(fuzz);
		break;
	case PASTE: {
		struct clipboard_paste *paste;

		(void)clipboard_paste(fuzz->clipboard, NULL, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT,
				      1000, ignore_pasted, NULL, &paste);
		break;
	}
	case COPY:
		(void)clipboard_copied_bytes(fuzz->clipboard, &fuzz->viewer.viewer,
					     CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, "text", 4);
		break;
	case SIZE:
		set_size(fuzz);
		break;
	default:
		do_input(fuzz);
		break;
	}
	turn(fuzz);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {
		.bytes = bytes, .left = size, .viewer = {.viewer = {.ops = &checked_viewer_ops}}};
	struct source *source;
	int pair[2];

	if (uv_loop_init(&fuzz.loop) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	fuzz.fd = pair[0];
	fuzz.screen = screen_new(&fuzz.loop, "fuzz");
	fuzz.clipboard = clipboard_new(&fuzz.loop, ignore_changed, NULL);
	fuzz.guest = guest_new(&fuzz.loop, fuzz.clipboard, &guest_handlers, NULL);
	screen_set_patience(fuzz.screen, 0);
	if (vnc_source_new(fuzz.screen, pair[1], &source) < 0)
		abort();
	screen_set_source(fuzz.screen, source);
	(void)screen_add_viewer(fuzz.screen, &fuzz.viewer.viewer);
	screen_watch(&fuzz.viewer.viewer, true);
	if (take(&fuzz) & 3)
		begin(&fuzz);
	while (fuzz.left > 0 && !fuzz.viewer.gone)
		act(&fuzz);
	close(fuzz.fd);
	for (int i = 0; i < 3; i++)
		uv_run(&fuzz.loop, UV_RUN_NOWAIT);
	guest_free(fuzz.guest);
	clipboard_forget(fuzz.clipboard, &fuzz.viewer.viewer);
	screen_free(fuzz.screen);
	clipboard_free(fuzz.clipboard);
	uv_run(&fuzz.loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&fuzz.loop) < 0)
		abort();
	return 0;
}

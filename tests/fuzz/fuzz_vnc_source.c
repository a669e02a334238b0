/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: screen http sandbox arguments pump relay busloop protocol base
/* A hostile VNC server, as the source of a screen. */
#include "host/screen/source/vnc.h"

#include "host/screen/clipboard.h"
#include "host/screen/guest.h"

#include "tests/fuzz/fuzzed_source.h"

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
	struct fuzzed_source source;
	struct clipboard *clipboard;
	struct guest *guest;
};

/* --- The server ------------------------------------------------------------------------------- */

static void say_rest(struct fuzzed_source *source)
{
	const struct slice rest = input_slice(&source->input);

	fuzzed_say(source, rest.bytes, rest.length);
}

static void say_rectangle(struct fuzzed_source *source)
{
	static const int16_t encodings[] = {0, -223, -239, -257, -258, -261, -308, -314};
	uint8_t update[16] = {[3] = 1};
	int16_t encoding;

	for (size_t i = 5; i < 12; i += 2)
		update[i] = input_byte(&source->input);
	encoding = encodings[input_byte(&source->input) % ARRAY_SIZE(encodings)];
	update[12] = update[13] = encoding < 0 ? 0xff : 0;
	update[14] = (uint8_t)((uint16_t)encoding >> 8);
	update[15] = (uint8_t)encoding;
	fuzzed_say(source, update, sizeof(update));
	say_rest(source);
}

static void say_clipboard(struct fuzzed_source *source)
{
	uint8_t head[12] = {3, [4] = 0xff, 0xff};
	struct slice rest;
	uint16_t length;

	head[8] = input_byte(&source->input);
	head[11] = input_byte(&source->input) & 1;
	rest = input_slice(&source->input);
	length = (uint16_t)(0U - (rest.length + 4)); /* it is negative: of the extended clipboard */
	head[6] = (uint8_t)(length >> 8);
	head[7] = (uint8_t)length;
	fuzzed_say(source, head, sizeof(head));
	fuzzed_say(source, rest.bytes, rest.length);
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

	fuzzed_say(&fuzz->source, "RFB 003.008\n\1\1\0\0\0\0", 18);
	fuzzed_say(&fuzz->source, init, sizeof(init));
	fuzzed_say(&fuzz->source, caps, sizeof(caps));
	fuzzed_turn(&fuzz->source);
	if (!fuzz->source.viewer.gone)
		guest_set_spare(fuzz->guest, session, fuzz->source.screen);
	fuzzed_turn(&fuzz->source);
}

static void do_input(struct fuzzed_source *source)
{
	struct viewer *viewer = &source->viewer.viewer;
	const uint8_t x = input_byte(&source->input), y = input_byte(&source->input);
	const uint8_t buttons = input_byte(&source->input), code = input_byte(&source->input);

	screen_pointer(viewer, x, y, buttons);
	screen_motion(viewer, (int8_t)x, (int8_t)y, buttons);
	screen_key(viewer, code, input_byte(&source->input) & 1);
}

static void paste(struct clipboard *clipboard)
{
	struct clipboard_paste *paste;

	(void)clipboard_paste(clipboard, NULL, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, 1000,
			      ignore_pasted, NULL, &paste);
}

static void act(struct fuzz *fuzz)
{
	struct fuzzed_source *source = &fuzz->source;

	switch (input_byte(&source->input) % KINDS) {
	case SEND:
		say_rest(source);
		break;
	case RECTANGLE:
		say_rectangle(source);
		break;
	case WATCH:
		fuzzed_watch(source);
		break;
	case CLIPBOARD:
		say_clipboard(source);
		break;
	case PASTE:
		paste(fuzz->clipboard);
		break;
	case COPY:
		(void)clipboard_copied_bytes(fuzz->clipboard, &source->viewer.viewer,
					     CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, "text", 4);
		break;
	case SIZE:
		fuzzed_set_size(source);
		break;
	default:
		do_input(source);
		break;
	}
	fuzzed_turn(source);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {.source = {.input = {bytes, size}}};
	struct fuzzed_source *source = &fuzz.source;

	fuzzed_begin(source, SOCK_STREAM, vnc_source_new);
	fuzz.clipboard = clipboard_new(&source->loop, ignore_changed, NULL);
	fuzz.guest = guest_new(&source->loop, fuzz.clipboard, &guest_handlers, NULL);
	if (input_byte(&source->input) & 3)
		begin(&fuzz);
	while (fuzzed_goes_on(source))
		act(&fuzz);
	fuzzed_hang_up(source);
	guest_free(fuzz.guest);
	clipboard_forget(fuzz.clipboard, &source->viewer.viewer);
	clipboard_free(fuzz.clipboard);
	fuzzed_end(source);
	return 0;
}

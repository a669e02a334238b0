/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: screen http sandbox arguments pump relay busloop protocol base
/* Hostile pictures, as the source of a screen. */
#include "host/screen/source/pictures.h"

#include "protocol/base/bytes.h"
#include "protocol/cbor.h"
#include "tests/fuzz/checked_viewer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What an input's bytes say. */
enum {
	CHUNK,	/* length, bytes: as many as that says */
	PPM,	/* width, height, bytes: a header that is right, some of the pixels */
	WHOLE,	/* that was all of the picture */
	FAILED, /* there is none */
	RAW,	/* length, bytes: whatever they are */
	WATCH,	/* whether */
	KEY,	/* code, down */
	SIZE,	/* width, height */
	KINDS,
};

struct fuzz {
	uv_loop_t loop;
	struct screen *screen;
	struct checked_viewer viewer;
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

static struct slice take_some(struct fuzz *fuzz)
{
	size_t length = take(fuzz);
	struct slice some = {fuzz->bytes, MIN(length, fuzz->left)};

	fuzz->bytes += some.length;
	fuzz->left -= some.length;
	return some;
}

static void say(struct fuzz *fuzz, const void *bytes, size_t length)
{
	(void)send(fuzz->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void say_word(struct fuzz *fuzz, uint32_t word)
{
	uint8_t bytes[4];

	store_le32(bytes, word);
	say(fuzz, bytes, sizeof(bytes));
}

static void say_chunk(struct fuzz *fuzz, struct slice bytes)
{
	/* One of no bytes is the end of the picture. */
	if (bytes.length == 0)
		return;
	say_word(fuzz, (uint32_t)bytes.length);
	say(fuzz, bytes.bytes, bytes.length);
}

static void say_ppm(struct fuzz *fuzz)
{
	const unsigned int width = take(fuzz) % 16U, height = take(fuzz) % 16U;
	uint8_t pixels[16 * 16 * 3];
	char header[32];
	int length = snprintf(header, sizeof(header), "P6\n%u %u\n255\n", width, height);

	memset(pixels, take(fuzz), sizeof(pixels));
	say_chunk(fuzz, (struct slice){(const uint8_t *)header, (size_t)length});
	say_chunk(fuzz, (struct slice){pixels, (size_t)width * height * 3});
	say_chunk(fuzz, take_some(fuzz));
	say_word(fuzz, PICTURES_WHOLE);
}

static void say_raw(struct fuzz *fuzz)
{
	struct slice some = take_some(fuzz);

	say(fuzz, some.bytes, some.length);
}

static void turn(struct fuzz *fuzz)
{
	uint8_t heard[4096];

	for (int i = 0; i < 3; i++)
		uv_run(&fuzz->loop, UV_RUN_NOWAIT);
	while (recv(fuzz->fd, heard, sizeof(heard), MSG_DONTWAIT) > 0)
		;
}

static void set_size(struct fuzz *fuzz)
{
	struct source *source = screen_source(fuzz->screen);
	struct rectangle place = {0};

	place.width = take(fuzz);
	place.height = take(fuzz);
	source->ops->set_mode(source, 0, true, &place, 0, 0);
}

static void act(struct fuzz *fuzz)
{
	uint8_t code;

	switch (take(fuzz) % KINDS) {
	case CHUNK:
		say_chunk(fuzz, take_some(fuzz));
		break;
	case PPM:
		say_ppm(fuzz);
		break;
	case WHOLE:
		say_word(fuzz, PICTURES_WHOLE);
		break;
	case FAILED:
		say_word(fuzz, PICTURES_FAILED);
		break;
	case RAW:
		say_raw(fuzz);
		break;
	case WATCH:
		screen_watch(&fuzz->viewer.viewer, take(fuzz) & 1);
		break;
	case SIZE:
		set_size(fuzz);
		break;
	default:
		code = take(fuzz);
		screen_key(&fuzz->viewer.viewer, code, take(fuzz) & 1);
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
	screen_set_patience(fuzz.screen, 0);
	if (pictures_source_new(fuzz.screen, pair[1], &source) < 0)
		abort();
	screen_set_source(fuzz.screen, source);
	screen_source_ready(fuzz.screen);
	(void)screen_add_viewer(fuzz.screen, &fuzz.viewer.viewer);
	screen_watch(&fuzz.viewer.viewer, true);
	while (fuzz.left > 0 && !fuzz.viewer.gone)
		act(&fuzz);
	close(fuzz.fd);
	for (int i = 0; i < 3; i++)
		uv_run(&fuzz.loop, UV_RUN_NOWAIT);
	screen_free(fuzz.screen);
	uv_run(&fuzz.loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&fuzz.loop) < 0)
		abort();
	return 0;
}

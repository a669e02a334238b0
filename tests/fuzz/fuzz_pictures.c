/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: screen http sandbox arguments pump relay busloop protocol base
/* Hostile pictures, as the source of a screen. */
#include "host/screen/source/pictures.h"

#include "protocol/cbor.h"
#include "tests/fuzz/fuzzed_source.h"

#include <stdio.h>
#include <string.h>

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
	SIZE,	/* off, width, height */
	KINDS,
};

static void say_word(struct fuzzed_source *fuzz, uint32_t word)
{
	uint8_t bytes[4];

	store_le32(bytes, word);
	fuzzed_say(fuzz, bytes, sizeof(bytes));
}

static void say_chunk(struct fuzzed_source *fuzz, struct slice bytes)
{
	/* One of no bytes is the end of the picture. */
	if (bytes.length == 0)
		return;
	say_word(fuzz, (uint32_t)bytes.length);
	fuzzed_say(fuzz, bytes.bytes, bytes.length);
}

static void say_ppm(struct fuzzed_source *fuzz)
{
	const unsigned int width = input_byte(&fuzz->input) % 16U,
			   height = input_byte(&fuzz->input) % 16U;
	uint8_t pixels[16 * 16 * 3];
	char header[32];
	int length = snprintf(header, sizeof(header), "P6\n%u %u\n255\n", width, height);

	memset(pixels, input_byte(&fuzz->input), sizeof(pixels));
	say_chunk(fuzz, (struct slice){(const uint8_t *)header, (size_t)length});
	say_chunk(fuzz, (struct slice){pixels, (size_t)width * height * 3});
	say_chunk(fuzz, input_slice(&fuzz->input));
	say_word(fuzz, PICTURES_WHOLE);
}

static void act(struct fuzzed_source *fuzz)
{
	struct slice some;
	uint8_t code;

	switch (input_byte(&fuzz->input) % KINDS) {
	case CHUNK:
		say_chunk(fuzz, input_slice(&fuzz->input));
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
		some = input_slice(&fuzz->input);
		fuzzed_say(fuzz, some.bytes, some.length);
		break;
	case WATCH:
		fuzzed_watch(fuzz);
		break;
	case SIZE:
		fuzzed_set_size(fuzz);
		break;
	default:
		code = input_byte(&fuzz->input);
		screen_key(&fuzz->viewer.viewer, code, input_byte(&fuzz->input) & 1);
		break;
	}
	fuzzed_turn(fuzz);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzzed_source fuzz = {.input = {bytes, size}};

	fuzzed_begin(&fuzz, SOCK_STREAM, pictures_source_new);
	screen_source_ready(fuzz.screen);
	while (fuzzed_goes_on(&fuzz))
		act(&fuzz);
	fuzzed_hang_up(&fuzz);
	fuzzed_end(&fuzz);
	return 0;
}

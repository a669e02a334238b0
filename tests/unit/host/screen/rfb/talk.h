/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * talk - a viewer's end of a conversation, and a screen with a source that notes what it is told
 */
#ifndef LODGE_TEST_RFB_TALK_H
#define LODGE_TEST_RFB_TALK_H

#include "host/screen/rfb/rfb.h"

#include <stdbool.h>

struct talk {
	uv_loop_t loop;
	struct screen *screen;
	struct source source;
	char log[4096]; /* of the source: "key 30 1;" */
	struct screen_wish wish;
	unsigned int wishes;
	bool watching;
	int fd;			/* the viewer's */
	uint8_t bytes[1 << 20]; /* what was heard last */
};

/* A head of @width x @height (0: none yet), which shows 0x102030. */
struct talk *talk_new(uint32_t width, uint32_t height);
/* One of 320 x 200, and a viewer that has entered. */
struct talk *talk_begin(void);
void talk_free(struct talk *talk);

/* No password. */
extern const struct rfb_options talk_open_to_all;

/* Another viewer: its end is talk->fd now. */
int talk_connect(struct talk *talk, const struct rfb_options *options);
void talk_run(struct talk *talk, unsigned int milliseconds);
void talk_say(struct talk *talk, const void *bytes, size_t length);
#define SAY(talk, ...) talk_say(talk, (uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))
/* Runs the loop until so many bytes have come, or fails the test. Return: talk->bytes. */
const uint8_t *talk_hear(struct talk *talk, size_t length);
/* The connection is closed, and nothing more comes before. */
void talk_hear_end(struct talk *talk);
/* Nothing comes for a while. */
void talk_hear_nothing(struct talk *talk);

/* The whole beginning, without a password. */
void talk_enter(struct talk *talk);
/* SetEncodings; the last is 0x7fffffff. */
void talk_encodings(struct talk *talk, ...);
#define NO_MORE 0x7fffffff
void talk_request(struct talk *talk, bool incremental);
/* An update's header. Return: how many rectangles it has. */
unsigned int talk_hear_update(struct talk *talk);
/* A rectangle's header: x, y, width, height; the encoding must be @encoding. */
struct rectangle talk_hear_header(struct talk *talk, int32_t encoding);
/* Rectangles of raw pixels only, @count of them. Return: how many pixels; *@colour: of the first.
 */
size_t talk_hear_raw(struct talk *talk, unsigned int count, uint32_t *colour);
/* An update of them. */
size_t talk_hear_pixels(struct talk *talk, uint32_t *colour);

uint32_t talk_be32(const uint8_t *bytes);

/* All pixels of head 0. */
void talk_paint(struct talk *talk, uint32_t colour);

#endif

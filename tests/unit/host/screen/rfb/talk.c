/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "talk.h"

#include "host/screen/rfb/encodings.h"
#include "protocol/base/bytes.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 5000

static struct talk *talk_of(struct source *source)
{
	return CONTAINER_OF(source, struct talk, source);
}

static void note(struct source *source, const char *text, int64_t a, int64_t b)
{
	struct talk *talk = talk_of(source);
	size_t used = strlen(talk->log);

	(void)snprintf(talk->log + used, sizeof(talk->log) - used, "%s %d %d;", text, (int)a,
		       (int)b);
}

static void on_watch(struct source *source, bool watching)
{
	talk_of(source)->watching = watching;
}

static void on_mode(struct source *source, unsigned int head, bool enabled,
		    const struct rectangle *place, uint32_t width_mm, uint32_t height_mm)
{
	(void)source, (void)head, (void)enabled, (void)place, (void)width_mm, (void)height_mm;
}

static void on_key(struct source *source, uint32_t code, bool down)
{
	note(source, "key", code, down);
}

static void on_pointer(struct source *source, uint32_t x, uint32_t y, unsigned int head,
		       const struct rectangle *at)
{
	(void)x, (void)y, (void)head;
	note(source, "at", at->x, at->y);
}

static void on_motion(struct source *source, int32_t dx, int32_t dy)
{
	note(source, "motion", dx, dy);
}

static void on_button(struct source *source, uint32_t code, bool down)
{
	note(source, "button", code, down);
}

static void on_wheel(struct source *source, int32_t dx, int32_t dy)
{
	note(source, "wheel", dx, dy);
}

static void on_free(struct source *source)
{
	(void)source;
}

static const struct source_ops source_ops = {
	.name = "noted",
	.watch = on_watch,
	.set_mode = on_mode,
	.key = on_key,
	.pointer = on_pointer,
	.motion = on_motion,
	.button = on_button,
	.wheel = on_wheel,
	.free = on_free,
};

static void on_requested(void *owner, enum screen_who who, const struct screen_wish *wish)
{
	struct talk *talk = owner;

	ck_assert_int_eq(who, SCREEN_BY_VIEWER);
	talk->wish = *wish;
	talk->wishes++;
}

static const struct screen_hooks hooks = {.requested = on_requested};

void talk_paint(struct talk *talk, uint32_t colour)
{
	struct rectangle place, all;
	size_t stride;
	uint8_t *pixels = screen_pixels(talk->screen, 0, &place, &stride);

	if (!pixels)
		return;
	for (uint32_t y = 0; y < place.height; y++) {
		for (uint32_t x = 0; x < place.width; x++)
			store_le32(pixels + y * stride + x * 4UL, colour);
	}
	all = (struct rectangle){0, 0, place.width, place.height};
	screen_damaged(talk->screen, 0, &all);
}

struct talk *talk_new(uint32_t width, uint32_t height)
{
	struct talk *talk = calloc(1, sizeof(*talk));

	uv_loop_init(&talk->loop);
	talk->fd = -1;
	talk->source.ops = &source_ops;
	talk->source.heads = DESKTOP_MAX_HEADS;
	talk->screen = screen_new(&talk->loop, "cabin");
	screen_set_source(talk->screen, &talk->source);
	screen_set_hooks(talk->screen, &hooks, talk);
	if (width)
		screen_head_changed(talk->screen, 0, width, height);
	talk_paint(talk, 0x102030);
	return talk;
}

const struct rfb_options talk_open_to_all = {0};

struct talk *talk_begin(void)
{
	struct talk *talk = talk_new(320, 200);

	ck_assert_int_eq(talk_connect(talk, &talk_open_to_all), 0);
	talk_enter(talk);
	return talk;
}

void talk_free(struct talk *talk)
{
	screen_free(talk->screen);
	if (talk->fd >= 0)
		close(talk->fd);
	/* Links that are finishing have a second. */
	uv_run(&talk->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&talk->loop), 0);
	free(talk);
}

int talk_connect(struct talk *talk, const struct rfb_options *options)
{
	struct link *link;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	link = link_new(&talk->loop, pair[1]);
	ck_assert_ptr_nonnull(link);
	talk->fd = pair[0];
	return rfb_accept(talk->screen, link, options, "test");
}

static void on_timer(uv_timer_t *timer)
{
	(void)timer;
}

/* At most that long; ends sooner if something happens. */
static void run_once(struct talk *talk, unsigned int milliseconds)
{
	uv_timer_t timer;

	uv_timer_init(&talk->loop, &timer);
	/* Again and again: the first time may be before the loop begins to wait. */
	uv_timer_start(&timer, on_timer, milliseconds, milliseconds);
	uv_run(&talk->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&talk->loop, UV_RUN_NOWAIT);
}

void talk_run(struct talk *talk, unsigned int milliseconds)
{
	uint64_t end = uv_hrtime() + milliseconds * 1000000ULL;

	do {
		run_once(talk, 2);
	} while (uv_hrtime() < end);
}

void talk_say(struct talk *talk, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	while (length) {
		ssize_t sent = send(talk->fd, at, length, MSG_NOSIGNAL);

		if (sent < 0) {
			ck_assert_int_eq(errno, EAGAIN);
			run_once(talk, 2);
			continue;
		}
		at += sent;
		length -= (size_t)sent;
	}
}

const uint8_t *talk_hear(struct talk *talk, size_t length)
{
	uint64_t end = uv_hrtime() + PATIENCE_MS * 1000000ULL;
	size_t have = 0;

	ck_assert_uint_le(length, sizeof(talk->bytes));
	while (have < length) {
		ssize_t got = recv(talk->fd, talk->bytes + have, length - have, 0);

		if (got > 0) {
			have += (size_t)got;
			continue;
		}
		ck_assert_msg(got < 0 && errno == EAGAIN, "closed after %zu of %zu bytes", have,
			      length);
		ck_assert_msg(uv_hrtime() < end, "heard %zu of %zu bytes", have, length);
		run_once(talk, 2);
	}
	return talk->bytes;
}

void talk_hear_end(struct talk *talk)
{
	uint64_t end = uv_hrtime() + PATIENCE_MS * 1000000ULL;
	ssize_t got;

	while ((got = recv(talk->fd, talk->bytes, sizeof(talk->bytes), 0)) < 0 && errno == EAGAIN) {
		ck_assert_msg(uv_hrtime() < end, "it is not closed");
		run_once(talk, 2);
	}
	ck_assert_msg(got <= 0, "%zd more bytes came, the first %u", got, talk->bytes[0]);
}

void talk_hear_nothing(struct talk *talk)
{
	ssize_t got;

	talk_run(talk, 60);
	got = recv(talk->fd, talk->bytes, sizeof(talk->bytes), 0);
	ck_assert_msg(got < 0 && errno == EAGAIN, "%zd bytes came, the first %u", got,
		      talk->bytes[0]);
}

uint32_t talk_be32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

void talk_enter(struct talk *talk)
{
	talk_hear(talk, 12);
	talk_say(talk, "RFB 003.008\n", 12);
	ck_assert_mem_eq(talk_hear(talk, 2), "\1\1", 2);
	SAY(talk, 1);
	ck_assert_mem_eq(talk_hear(talk, 4), "\0\0\0\0", 4);
	SAY(talk, 1);
	ck_assert_mem_eq(talk_hear(talk, 24 + 5) + 24, "cabin", 5);
}

void talk_encodings(struct talk *talk, ...)
{
	uint8_t message[4 + 4 * 64] = {2};
	unsigned int count = 0;
	va_list list;

	va_start(list, talk);
	for (int encoding; (encoding = va_arg(list, int)) != NO_MORE; count++) {
		uint32_t stored = htobe32((uint32_t)encoding);

		ck_assert_uint_lt(count, 64);
		memcpy(message + 4 + 4UL * count, &stored, 4);
	}
	va_end(list);
	message[3] = (uint8_t)count;
	talk_say(talk, message, 4 + 4UL * count);
}

void talk_request(struct talk *talk, bool incremental)
{
	SAY(talk, 3, incremental, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff);
}

unsigned int talk_hear_update(struct talk *talk)
{
	const uint8_t *bytes = talk_hear(talk, 4);

	ck_assert_uint_eq(bytes[0], 0);
	return (unsigned int)bytes[2] << 8 | bytes[3];
}

struct rectangle talk_hear_header(struct talk *talk, int32_t encoding)
{
	const uint8_t *bytes = talk_hear(talk, 12);

	ck_assert_int_eq((int32_t)talk_be32(bytes + 8), encoding);
	return (struct rectangle){
		(uint32_t)bytes[0] << 8 | bytes[1],
		(uint32_t)bytes[2] << 8 | bytes[3],
		(uint32_t)bytes[4] << 8 | bytes[5],
		(uint32_t)bytes[6] << 8 | bytes[7],
	};
}

size_t talk_hear_raw(struct talk *talk, unsigned int count, uint32_t *colour)
{
	size_t pixels = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct rectangle place = talk_hear_header(talk, RFB_RAW);
		const uint8_t *bytes = talk_hear(talk, (size_t)place.width * place.height * 4);

		if (i == 0)
			*colour = load_le32(bytes);
		pixels += (size_t)place.width * place.height;
	}
	return pixels;
}

size_t talk_hear_pixels(struct talk *talk, uint32_t *colour)
{
	return talk_hear_raw(talk, talk_hear_update(talk), colour);
}

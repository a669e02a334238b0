/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads as fast as it can and looks into what comes only as far as it must to find where an update
 * ends.
 */
#include "bench.h"

#include "host/screen/rfb/encodings.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct viewer {
	int fd;
	uint8_t buffer[1 << 20];
	size_t at, have;
	uint64_t total;
};

static void need(struct viewer *viewer)
{
	ssize_t got = read(viewer->fd, viewer->buffer, sizeof(viewer->buffer));

	if (got <= 0) {
		fputs("bench: the server has gone\n", stderr);
		exit(1);
	}
	viewer->at = 0;
	viewer->have = (size_t)got;
}

static void take(struct viewer *viewer, void *bytes, size_t length)
{
	uint8_t *to = bytes;

	viewer->total += length;
	while (length) {
		size_t part;

		if (viewer->at == viewer->have)
			need(viewer);
		part = viewer->have - viewer->at < length ? viewer->have - viewer->at : length;
		if (to) {
			memcpy(to, viewer->buffer + viewer->at, part);
			to += part;
		}
		viewer->at += part;
		length -= part;
	}
}

static uint32_t number(struct viewer *viewer, unsigned int bytes)
{
	uint8_t read_bytes[4];
	uint32_t value = 0;

	take(viewer, read_bytes, bytes);
	for (unsigned int i = 0; i < bytes; i++)
		value = value << 8 | read_bytes[i];
	return value;
}

static void say(struct viewer *viewer, const void *bytes, size_t length)
{
	if (write(viewer->fd, bytes, length) != (ssize_t)length)
		exit(1);
}

static uint32_t compact_length(struct viewer *viewer)
{
	uint32_t byte = number(viewer, 1), length = byte & 127;

	if (byte & 128) {
		byte = number(viewer, 1);
		length |= (byte & 127) << 7;
		if (byte & 128)
			length |= number(viewer, 1) << 14;
	}
	return length;
}

static void skip_tight(struct viewer *viewer, uint32_t width, uint32_t height)
{
	uint32_t control = number(viewer, 1) >> 4, colours = 0, filter = 0;
	size_t size;

	if (control == 8) {
		take(viewer, NULL, 3);
		return;
	}
	if (control == 9) {
		take(viewer, NULL, compact_length(viewer));
		return;
	}
	if (control & 4)
		filter = number(viewer, 1);
	if (filter == 1) {
		colours = number(viewer, 1) + 1;
		take(viewer, NULL, colours * 3UL);
	}
	size = colours == 2 ? (width + 7) / 8UL * height
			    : (size_t)width * height * (colours ? 1 : 3);
	take(viewer, NULL, size < 12 ? size : compact_length(viewer));
}

/* Return: pixels of it; 0: it was the last. */
static uint64_t skip_rectangle(struct viewer *viewer)
{
	uint32_t width, height;
	int32_t encoding;

	number(viewer, 4);
	width = number(viewer, 2);
	height = number(viewer, 2);
	encoding = (int32_t)number(viewer, 4);
	switch (encoding) {
	case RFB_RAW:
		take(viewer, NULL, (size_t)width * height * 4);
		break;
	case RFB_TIGHT:
		skip_tight(viewer, width, height);
		break;
	case RFB_ZRLE:
		take(viewer, NULL, number(viewer, 4));
		break;
	case RFB_COPY_RECT:
		take(viewer, NULL, 4);
		break;
	case RFB_LAST_RECT:
		return 0;
	default:
		fprintf(stderr, "bench: encoding %d was not asked for\n", encoding);
		exit(1);
	}
	return (uint64_t)width * height;
}

/* A frame is one update. */
static void skip_update(struct viewer *viewer)
{
	uint32_t count;

	number(viewer, 2);
	count = number(viewer, 2);
	for (uint32_t i = 0; i < count && skip_rectangle(viewer); i++)
		;
}

static void greet(struct viewer *viewer, const struct bench_wish *wish)
{
	/* 32 bits, 24 of them used: blue in the first byte. */
	static const uint8_t format[20] = {0,	0, 0,	0, 32,	24, 0, 1, 0,
					   255, 0, 255, 0, 255, 16, 8, 0};
	uint8_t encodings[4 + 4 * 5] = {2};
	int32_t list[5];
	uint8_t count = 0;

	take(viewer, NULL, 12);
	say(viewer, "RFB 003.003\n", 12);
	number(viewer, 4);
	say(viewer, "\1", 1);
	take(viewer, NULL, 20);
	take(viewer, NULL, number(viewer, 4));
	say(viewer, format, sizeof(format));
	list[count++] = wish->encoding;
	list[count++] = RFB_LAST_RECT;
	if (wish->copies)
		list[count++] = RFB_COPY_RECT;
	if (wish->compression >= 0)
		list[count++] = -256 + wish->compression;
	if (wish->quality >= 0)
		list[count++] = -32 + wish->quality;
	encodings[3] = count;
	for (uint8_t i = 0; i < count; i++) {
		uint32_t stored = htonl((uint32_t)list[i]);

		memcpy(encodings + 4 + 4UL * i, &stored, 4);
	}
	say(viewer, encodings, 4 + 4UL * count);
}

uint64_t bench_view(int fd, int next, const struct bench_wish *wish, unsigned int frames)
{
	static const uint8_t request[10] = {3,
					    1,
					    0,
					    0,
					    0,
					    0,
					    BENCH_WIDTH >> 8,
					    BENCH_WIDTH & 0xff,
					    BENCH_HEIGHT >> 8,
					    BENCH_HEIGHT & 0xff};
	static struct viewer viewer;

	viewer = (struct viewer){.fd = fd};
	greet(&viewer, wish);
	viewer.total = 0;
	for (unsigned int i = 0; i < frames; i++) {
		say(&viewer, request, sizeof(request));
		skip_update(&viewer);
		if (i + 1 < frames && write(next, "", 1) != 1)
			exit(1);
	}
	return viewer.total;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * played_vnc - a VNC server in the hands of a test, and in front of it a screen that it is the
 * source of, with one viewer
 */
#ifndef LODGE_TEST_PLAYED_VNC_H
#define LODGE_TEST_PLAYED_VNC_H

#include "host/screen/keyboard.h"
#include "host/screen/rfb/encodings.h"
#include "host/screen/rfb/wire.h"
#include "host/screen/screen.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIDTH  32
#define HEIGHT 4

struct played_vnc {
	uv_loop_t loop;
	struct screen *screen;
	struct keyboard *keyboard; /* German */
	struct viewer viewer;
	/* What the viewer was told. */
	unsigned int damages, cursors;
	struct rectangle damaged;
	bool gone;
	int fd;	       /* the server's */
	bool by_bytes; /* it says everything byte by byte */
};

void played_vnc_open(struct played_vnc *vnc);
void played_vnc_close(struct played_vnc *vnc);
/* As QEMU begins: a size that is rounded, then keys and the pointer, then the size. */
void played_vnc_begin(struct played_vnc *vnc);
/* The loop, for what waits. */
void played_vnc_turn(struct played_vnc *vnc);

void played_vnc_say(struct played_vnc *vnc, const void *bytes, size_t length);
/* @wire is empty again after this. */
void played_vnc_say_wire(struct played_vnc *vnc, struct wire *wire);
/* What has come, all of it. Return: how much. */
size_t played_vnc_hear(struct played_vnc *vnc, uint8_t *bytes, size_t capacity);
/* This has come, and nothing else. */
void played_vnc_expect(struct played_vnc *vnc, const void *bytes, size_t length);
#define EXPECT(vnc, ...)                                                                           \
	played_vnc_expect(vnc, (const uint8_t[]){__VA_ARGS__},                                     \
			  sizeof((const uint8_t[]){__VA_ARGS__}))
void played_vnc_expect_nothing(struct played_vnc *vnc);

/* The header of an update, and of one of its rectangles; one of raw bytes that are all @value. */
void played_vnc_put_update(struct wire *wire, unsigned int rectangles);
void played_vnc_put_rectangle(struct wire *wire, uint32_t x, uint32_t y, uint32_t width,
			      uint32_t height, int32_t encoding);
void played_vnc_put_pixels(struct wire *wire, uint32_t x, uint32_t y, uint32_t width,
			   uint32_t height, uint8_t value);
/* Updates of one rectangle: a size, one without more than its header, and the whole picture. */
void played_vnc_say_size(struct played_vnc *vnc, uint32_t reason, uint32_t status, uint32_t width,
			 uint32_t height);
void played_vnc_say_rectangle(struct played_vnc *vnc, uint32_t x, int32_t encoding);
void played_vnc_say_picture(struct played_vnc *vnc, uint8_t value);

/* FramebufferUpdateRequest of one pixel, of all, and the key that means nothing after it. */
extern const uint8_t played_vnc_first_request[10], played_vnc_full_request[10];
extern const uint8_t played_vnc_nudge[12];

#endif

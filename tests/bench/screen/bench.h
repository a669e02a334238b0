/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench - two VNC servers, one after the other, show the same pictures to the same viewer
 *
 *	pictures.c	what is shown
 *	ours.c		lodge-screen's server, theirs.c: libvncserver
 *	viewer.c	asks for one whole picture after the other, counts bytes, decodes none
 *	main.c		runs them, and writes figures
 */
#ifndef LODGE_BENCH_SCREEN_H
#define LODGE_BENCH_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#define BENCH_WIDTH  1920U
#define BENCH_HEIGHT 1080U
#define BENCH_FRAMES 6U /* different ones of a kind; shown in turn */

enum bench_kind {
	BENCH_TEXT,    /* a window full of text */
	BENCH_DESKTOP, /* windows of text and tools before a picture */
	BENCH_PHOTO,   /* colours everywhere */
	BENCH_KINDS,
};

/* BENCH_FRAMES pictures of 32-bit pixels (blue, green, red, 0), one after the other. */
uint32_t *bench_pictures(enum bench_kind kind);
/* Likewise: lines of text of @line rows each, that go up and down by @step rows. */
uint32_t *bench_scrolls(uint32_t line, uint32_t step);

/* Paints a frame; what that costs is added up in *bench_painting_ms, and is no server's work. */
extern double *bench_painting_ms;
void bench_paint(const uint32_t *frames, unsigned int number, void *pixels);

/* A server in this process, for the viewer at the other end of @fd; shows frame after frame, the
 * next for each byte that can be read from @next. Returns when either is closed. */
void bench_ours(const uint32_t *frames, int fd, int next);
void bench_theirs(const uint32_t *frames, int fd, int next);

struct bench_wish {
	int32_t encoding;
	int compression, quality; /* -1: not said */
	bool copies;		  /* CopyRect too */
};

/* The viewer: connects, takes @frames pictures. Return: bytes of those. */
uint64_t bench_view(int fd, int next, const struct bench_wish *wish, unsigned int frames);

#endif

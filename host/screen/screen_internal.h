/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * screen_internal - what screen.c and input.c share: the state of a screen
 *
 * Nobody else includes this.
 */
#ifndef LODGE_SCREEN_INTERNAL_H
#define LODGE_SCREEN_INTERNAL_H

#include "host/screen/layout.h"
#include "host/screen/screen.h"

/* A walk over the viewers, during which any of them may go. */
struct viewer_walk {
	struct viewer *next;
	struct viewer_walk *outer;
};

struct screen {
	uv_loop_t *loop;
	char *name;
	struct source *source;
	struct viewer *viewers;
	unsigned int viewer_count, watchers;
	struct viewer_walk *walk; /* innermost */
	struct desktop desktop;
	struct layout_head head[DESKTOP_MAX_HEADS];
	struct desktop_cursor cursor;
	unsigned int cursor_head;
	int32_t cursor_x, cursor_y; /* on that head */
	uint32_t leds;
	uint32_t buttons;		  /* as the source knows them */
	const struct screen_hooks *hooks; /* may be NULL */
	void *hooks_owner;
	struct clipboard *clipboard;
	const struct keyboard *keyboard;
	uint64_t patience_ms;
	/* Heads that went dark: shown as they were until their time has come. */
	uv_timer_t *dark_timer;
	uint64_t dark_at_ms[DESKTOP_MAX_HEADS]; /* 0: not dark */
	bool ended;
	int error;
};

/* Lets go of everything @viewer holds. */
void input_release(struct screen *screen, struct viewer *viewer);

#endif

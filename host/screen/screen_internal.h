/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * screen_internal - what screen.c, screen_heads.c, screen_viewers.c and input.c share
 *
 * Nobody else includes this.
 */
#ifndef LODGE_SCREEN_INTERNAL_H
#define LODGE_SCREEN_INTERNAL_H

#include "host/screen/layout.h"
#include "host/screen/screen.h"
#include "host/screen/uuid.h"

/* A walk over the viewers, during which any of them may go. */
struct viewer_walk {
	struct viewer *next;
	struct viewer_walk *outer;
};

struct screen {
	uv_loop_t *loop;
	char *name;
	char uuid[UUID_TEXT];
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

static inline bool is_empty(const struct rectangle *rectangle)
{
	return rectangle->width == 0 || rectangle->height == 0;
}

void screen_walk_begin(struct screen *screen, struct viewer_walk *walk);
struct viewer *screen_walk_next(struct viewer_walk *walk);
void screen_walk_end(struct screen *screen, struct viewer_walk *walk);

#define FOR_EACH_VIEWER(screen, walk, viewer)                                                      \
	for (screen_walk_begin(screen, walk);                                                      \
	     ((viewer) = screen_walk_next(walk)) || (screen_walk_end(screen, walk), 0);)

/* The picture has changed there, not empty. */
void screen_tell_damage(struct screen *screen, const struct rectangle *where);
void screen_close_viewers(struct screen *screen);
/* Lets go of everything @viewer holds. */
void input_release(struct screen *screen, struct viewer *viewer);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* screen_world - a screen between a source and viewers that remember what they were told */
#ifndef LODGE_TEST_SCREEN_WORLD_H
#define LODGE_TEST_SCREEN_WORLD_H

#include "host/screen/screen.h"

#include <stdbool.h>

struct fake_source {
	struct source source;
	bool watching, freed;
	unsigned int watch_calls;
	char log[1024];
	uint32_t x, y;
	unsigned int head;
	struct rectangle at;
};

struct fake_viewer {
	struct viewer viewer;
	unsigned int changes, damages, cursors, leds, closes;
	struct rectangle last;
	bool leave_when_damaged;
	struct fake_viewer *throw_out_when_damaged;
};

struct screen_world {
	uv_loop_t loop;
	struct screen *screen;
	struct fake_source source;
	struct fake_viewer a, b, c; /* the third has not come yet */
};

extern const struct source_ops screen_world_source_ops;

void screen_world_start(struct screen_world *world);
void screen_world_stop(struct screen_world *world);

/* Where a head is in the desktop. */
const struct rectangle *screen_world_place(const struct screen_world *world, unsigned int head);
void screen_world_expect(const struct rectangle *is, uint32_t x, uint32_t y, uint32_t width,
			 uint32_t height);

#endif

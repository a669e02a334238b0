/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* painted_source - a source for tests: shows a pattern, remembers what it was told */
#ifndef LODGE_TEST_PAINTED_SOURCE_H
#define LODGE_TEST_PAINTED_SOURCE_H

#include "host/screen/screen.h"

struct painted_source {
	struct source source;
	bool watching, freed;
	bool is_late; /* pixels come by painted_source_paint() alone */
	bool is_current;
	bool is_behind;
	bool follows; /* a mode is followed at once */
	char log[4096];
	uint32_t width[DESKTOP_MAX_HEADS], height[DESKTOP_MAX_HEADS];
};

/* Of no use before screen_set_source(). */
void painted_source_init(struct painted_source *painted);
/* A head of that size, painted if somebody watches. */
void painted_source_show(struct painted_source *painted, unsigned int head, uint32_t width,
			 uint32_t height);
void painted_source_paint(struct painted_source *painted);
/* The pattern: 0xRRGGBB of a pixel of a head. */
uint32_t painted_pixel(unsigned int head, uint32_t x, uint32_t y);
/* What was told since the last time: "key 30 1;mode 0 1 800 600;". */
const char *painted_source_log(struct painted_source *painted);

#endif

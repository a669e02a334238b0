/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A machine's screen for targets that are viewers: what reaches it has to be what it may be given.
 */
#ifndef LODGE_FUZZ_CHECKED_SOURCE_H
#define LODGE_FUZZ_CHECKED_SOURCE_H

#include "host/screen/screen.h"
#include "host/screen/viewer.h"

#include <stdlib.h>

static void no_watch(struct source *source, bool watching)
{
	(void)source, (void)watching;
}

static void no_mode(struct source *source, unsigned int head, bool enabled,
		    const struct rectangle *place, uint32_t width_mm, uint32_t height_mm)
{
	(void)source, (void)head, (void)enabled, (void)place, (void)width_mm, (void)height_mm;
}

static void check_key(struct source *source, uint32_t code, bool down)
{
	(void)source, (void)down;
	if (code == 0 || code >= VIEWER_KEYS)
		abort();
}

static void check_pointer(struct source *source, uint32_t x, uint32_t y, unsigned int head,
			  const struct rectangle *at)
{
	(void)source;
	if (x > 32767 || y > 32767 || head >= DESKTOP_MAX_HEADS || at->x >= at->width ||
	    at->y >= at->height)
		abort();
}

static void no_motion(struct source *source, int32_t dx, int32_t dy)
{
	(void)source, (void)dx, (void)dy;
}

static void no_button(struct source *source, uint32_t code, bool down)
{
	(void)source, (void)code, (void)down;
}

static void no_free(struct source *source)
{
	(void)source;
}

static const struct source_ops source_ops = {
	.name = "fuzz",
	.watch = no_watch,
	.set_mode = no_mode,
	.key = check_key,
	.pointer = check_pointer,
	.motion = no_motion,
	.button = no_button,
	.wheel = no_motion,
	.free = no_free,
};

#endif

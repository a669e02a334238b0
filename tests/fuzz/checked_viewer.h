/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A viewer that reads every pixel it is told of, for targets that are sources. */
#ifndef LODGE_FUZZ_CHECKED_VIEWER_H
#define LODGE_FUZZ_CHECKED_VIEWER_H

#include "host/screen/screen.h"
#include "host/screen/viewer.h"
#include "protocol/base/bytes.h"

#include <stdlib.h>

struct checked_viewer {
	struct viewer viewer; /* of checked_viewer_ops */
	bool gone;
	uint64_t sum;
};

static void checked_viewer_changed(struct viewer *viewer)
{
	const struct desktop *desktop = screen_desktop(viewer->screen);

	if (desktop->width && !desktop->pixels)
		abort();
	for (unsigned int i = 0; i < desktop->heads; i++) {
		const struct rectangle *place = &desktop->head[i].place;

		if (desktop->head[i].enabled &&
		    (place->width == 0 || place->x + place->width > desktop->width ||
		     place->y + place->height > desktop->height))
			abort();
	}
}

static void checked_viewer_damaged(struct viewer *viewer, const struct rectangle *where)
{
	struct checked_viewer *checked = CONTAINER_OF(viewer, struct checked_viewer, viewer);
	const struct desktop *desktop = screen_desktop(viewer->screen);

	if (where->width == 0 || where->x + where->width > desktop->width ||
	    where->y + where->height > desktop->height)
		abort();
	for (uint32_t y = where->y; y < where->y + where->height; y++)
		checked->sum +=
			desktop->pixels[y * desktop->stride + where->x * 4UL] +
			desktop->pixels[y * desktop->stride + (where->x + where->width) * 4UL - 1];
}

static void checked_viewer_cursor(struct viewer *viewer)
{
	const struct desktop_cursor *cursor = screen_cursor(viewer->screen);

	if (cursor->visible &&
	    (!cursor->pixels || cursor->hot_x >= cursor->width || cursor->hot_y >= cursor->height))
		abort();
}

static void checked_viewer_close(struct viewer *viewer)
{
	CONTAINER_OF(viewer, struct checked_viewer, viewer)->gone = true;
}

static const struct viewer_ops checked_viewer_ops = {
	.protocol = "fuzz",
	.desktop_changed = checked_viewer_changed,
	.damaged = checked_viewer_damaged,
	.cursor_changed = checked_viewer_cursor,
	.close = checked_viewer_close,
};

#endif

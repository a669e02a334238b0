/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the source says of heads, pixels, the cursor and LEDs, on its way into the picture.
 *
 * Every mode set passes through nothing: a head that goes dark is shown as it was for a while.
 */
#include "host/screen/picture.h"
#include "host/screen/screen_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <assert.h>

#define MAX_CURSOR 512

/* --- Heads ---------------------------------------------------------------------------------------
 */

static void place_cursor(struct screen *screen)
{
	const struct desktop_head *head = &screen->desktop.head[screen->cursor_head];

	screen->cursor.x = (int32_t)head->place.x + screen->cursor_x;
	screen->cursor.y = (int32_t)head->place.y + screen->cursor_y;
}

static void rearrange(struct screen *screen)
{
	struct desktop next = {0};
	struct viewer_walk walk;
	struct viewer *viewer;
	int changed;

	layout_arrange(screen->head, &next);
	changed = picture_rearrange(&screen->desktop, &next);
	if (changed == 0)
		return;
	if (changed < 0)
		log_error("no memory for a picture of %u x %u", next.width, next.height);
	place_cursor(screen);
	FOR_EACH_VIEWER(screen, &walk, viewer)
	{
		viewer->missed = (struct rectangle){.width = UINT32_MAX, .height = UINT32_MAX};
		if (viewer->watching)
			viewer->missed = (struct rectangle){0};
		viewer->ops->desktop_changed(viewer);
	}
}

static uint64_t next_dark(const struct screen *screen)
{
	uint64_t next = 0;

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (screen->dark_at_ms[i] && (next == 0 || screen->dark_at_ms[i] < next))
			next = screen->dark_at_ms[i];
	}
	return next;
}

static void on_dark(uv_timer_t *timer);

static void await_dark(struct screen *screen)
{
	uint64_t next = next_dark(screen), now = uv_now(screen->loop);

	if (next == 0)
		uv_timer_stop(screen->dark_timer);
	else
		uv_timer_start(screen->dark_timer, on_dark, next > now ? next - now : 0, 0);
}

/* They stayed dark. */
static void on_dark(uv_timer_t *timer)
{
	struct screen *screen = timer->data;
	uint64_t now = uv_now(screen->loop);

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (screen->dark_at_ms[i] == 0 || screen->dark_at_ms[i] > now)
			continue;
		screen->dark_at_ms[i] = 0;
		screen->head[i].width = screen->head[i].height = 0;
	}
	await_dark(screen);
	rearrange(screen);
}

void screen_head_changed(struct screen *screen, unsigned int head, uint32_t width, uint32_t height)
{
	struct layout_head *changed = &screen->head[head];

	assert(head < DESKTOP_MAX_HEADS);
	if (width == 0 || height == 0)
		width = height = 0;
	width = MIN(width, LAYOUT_MAX_SIDE);
	height = MIN(height, LAYOUT_MAX_SIDE);
	if (screen->hooks && screen->hooks->head_changed)
		screen->hooks->head_changed(screen->hooks_owner, head, width, height);
	if (width == 0 && changed->width > 0) {
		if (screen->dark_at_ms[head] == 0)
			screen->dark_at_ms[head] = uv_now(screen->loop) + screen->patience_ms;
		await_dark(screen);
		return;
	}
	if (screen->dark_at_ms[head]) {
		screen->dark_at_ms[head] = 0;
		await_dark(screen);
	}
	changed->width = width;
	changed->height = height;
	rearrange(screen);
}

uint8_t *screen_pixels(struct screen *screen, unsigned int head, struct rectangle *place,
		       size_t *stride)
{
	const struct desktop *desktop = &screen->desktop;

	assert(head < DESKTOP_MAX_HEADS);
	if (!desktop->pixels || !desktop->head[head].enabled)
		return NULL;
	*place = desktop->head[head].place;
	*stride = desktop->stride;
	return desktop->pixels + place->y * desktop->stride + place->x * 4UL;
}

void screen_damaged(struct screen *screen, unsigned int head, const struct rectangle *where)
{
	const struct desktop_head *damaged = &screen->desktop.head[head];
	struct rectangle cut;

	assert(head < DESKTOP_MAX_HEADS);
	if (!damaged->enabled || where->x >= damaged->place.width ||
	    where->y >= damaged->place.height)
		return;
	cut.x = damaged->place.x + where->x;
	cut.y = damaged->place.y + where->y;
	cut.width = MIN(where->width, damaged->place.width - where->x);
	cut.height = MIN(where->height, damaged->place.height - where->y);
	if (!is_empty(&cut))
		screen_tell_damage(screen, &cut);
}

void screen_place_head(struct screen *screen, unsigned int head, bool placed, int32_t x, int32_t y,
		       uint32_t scale_milli)
{
	assert(head < DESKTOP_MAX_HEADS);
	screen->head[head].placed = placed;
	screen->head[head].x = x;
	screen->head[head].y = y;
	screen->head[head].scale_milli = scale_milli;
}

void screen_places_known(struct screen *screen)
{
	rearrange(screen);
}

/* --- Cursor and LEDs -----------------------------------------------------------------------------
 */

/* Return: false without memory. */
static bool take_image(struct desktop_cursor *mine, const struct desktop_cursor *cursor)
{
	size_t bytes = (size_t)cursor->width * cursor->height * sizeof(*cursor->pixels);
	uint32_t *pixels;

	if (mine->width == cursor->width && mine->height == cursor->height && mine->pixels &&
	    cursor->pixels && bytes > 0 && memcmp(mine->pixels, cursor->pixels, bytes) == 0)
		return true;
	pixels = bytes && cursor->pixels ? malloc(bytes) : NULL;
	if (bytes && cursor->pixels && !pixels)
		return false;
	free(mine->pixels);
	mine->pixels = pixels;
	mine->width = pixels ? cursor->width : 0;
	mine->height = pixels ? cursor->height : 0;
	if (pixels)
		memcpy(pixels, cursor->pixels, bytes);
	mine->generation++;
	return true;
}

void screen_set_cursor(struct screen *screen, unsigned int head,
		       const struct desktop_cursor *cursor)
{
	struct desktop_cursor *mine = &screen->cursor;
	struct viewer_walk walk;
	struct viewer *viewer;
	uint32_t hot_x, hot_y;

	assert(head < DESKTOP_MAX_HEADS);
	if (cursor->width > MAX_CURSOR || cursor->height > MAX_CURSOR)
		return;
	/* It left a head that it was not on. */
	if (!cursor->visible && head != screen->cursor_head)
		return;
	if (cursor->visible && !take_image(mine, cursor))
		return;
	screen->cursor_head = head;
	screen->cursor_x = MIN(MAX(cursor->x, -MAX_CURSOR), (int32_t)LAYOUT_MAX_SIDE);
	screen->cursor_y = MIN(MAX(cursor->y, -MAX_CURSOR), (int32_t)LAYOUT_MAX_SIDE);
	hot_x = mine->width ? MIN(cursor->hot_x, mine->width - 1) : 0;
	hot_y = mine->height ? MIN(cursor->hot_y, mine->height - 1) : 0;
	if (mine->hot_x != hot_x || mine->hot_y != hot_y)
		mine->generation++;
	mine->hot_x = hot_x;
	mine->hot_y = hot_y;
	mine->visible = cursor->visible && mine->pixels;
	place_cursor(screen);
	FOR_EACH_VIEWER(screen, &walk, viewer)
	{
		if (viewer->ops->cursor_changed)
			viewer->ops->cursor_changed(viewer);
	}
}

void screen_set_leds(struct screen *screen, uint32_t leds)
{
	struct viewer_walk walk;
	struct viewer *viewer;

	if (screen->leds == leds)
		return;
	screen->leds = leds;
	FOR_EACH_VIEWER(screen, &walk, viewer)
	{
		if (viewer->ops->leds_changed)
			viewer->ops->leds_changed(viewer, leds);
	}
}

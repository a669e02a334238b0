/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input of viewers, on its way to the source
 *
 * Each viewer's keys and buttons are its own: the guest sees a key down while any viewer holds it,
 * and what a viewer holds goes up when the viewer goes.
 */
#include "host/screen/screen_internal.h"
#include "protocol/base/bytes.h"

#include <linux/input-event-codes.h>

_Static_assert(VIEWER_KEYS == KEY_CNT, "a bit for each key");

static const uint32_t button_codes[] = {BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE, BTN_EXTRA};
#define BUTTON_MASK ((1U << ARRAY_SIZE(button_codes)) - 1)

static bool may(const struct viewer *viewer)
{
	return viewer->screen && viewer->screen->source && !viewer->view_only;
}

/* --- Keys ------------------------------------------------------------------------------------- */

static bool holds(const struct viewer *viewer, uint32_t code)
{
	return viewer->held[code / 64] >> code % 64 & 1;
}

static void set_held(struct viewer *viewer, uint32_t code, bool down)
{
	uint64_t bit = 1ULL << code % 64;

	if (down)
		viewer->held[code / 64] |= bit;
	else
		viewer->held[code / 64] &= ~bit;
}

static bool anybody_holds(const struct screen *screen, uint32_t code)
{
	for (const struct viewer *viewer = screen->viewers; viewer; viewer = viewer->next) {
		if (holds(viewer, code))
			return true;
	}
	return false;
}

void screen_key(struct viewer *viewer, uint32_t code, bool down)
{
	struct screen *screen = viewer->screen;

	if (!may(viewer) || code == KEY_RESERVED || code >= VIEWER_KEYS)
		return;
	if (!down && !holds(viewer, code))
		return;
	set_held(viewer, code, down);
	/* A key that is down goes down again: that is how it repeats. */
	if (down || !anybody_holds(screen, code))
		screen->source->ops->key(screen->source, code, down);
}

/* --- Buttons ---------------------------------------------------------------------------------- */

static void set_buttons(struct viewer *viewer, uint32_t buttons)
{
	struct screen *screen = viewer->screen;
	uint32_t all = 0, changed;

	viewer->buttons = buttons & BUTTON_MASK;
	for (const struct viewer *other = screen->viewers; other; other = other->next)
		all |= other->buttons;
	changed = all ^ screen->buttons;
	screen->buttons = all;
	if (!screen->source->ops->button)
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(button_codes); i++) {
		if (changed >> i & 1)
			screen->source->ops->button(screen->source, button_codes[i], all >> i & 1);
	}
}

/* --- Pointers --------------------------------------------------------------------------------- */

static uint64_t beside(uint32_t at, uint32_t start, uint32_t length)
{
	if (at < start)
		return start - at;
	return at >= start + length ? at - (start + length - 1) : 0;
}

/* The head at that place, else the nearest. Return: false if there is none. */
static bool find_head(const struct desktop *desktop, uint32_t x, uint32_t y, unsigned int *head)
{
	uint64_t best = UINT64_MAX;

	for (unsigned int i = 0; i < desktop->heads; i++) {
		const struct rectangle *place = &desktop->head[i].place;
		uint64_t dx, dy;

		if (!desktop->head[i].enabled)
			continue;
		dx = beside(x, place->x, place->width);
		dy = beside(y, place->y, place->height);
		if (dx * dx + dy * dy < best) {
			best = dx * dx + dy * dy;
			*head = i;
		}
	}
	return best != UINT64_MAX;
}

static uint32_t clamp_to(uint32_t at, uint32_t start, uint32_t length)
{
	return at < start ? 0 : MIN(at - start, length - 1);
}

void screen_pointer(struct viewer *viewer, uint32_t x, uint32_t y, uint32_t buttons)
{
	struct screen *screen = viewer->screen;
	struct rectangle at;
	unsigned int head;
	uint32_t tablet_x, tablet_y;

	if (!may(viewer) || !screen->source->ops->pointer)
		return;
	if (find_head(&screen->desktop, x, y, &head)) {
		const struct rectangle *place = &screen->desktop.head[head].place;

		at.x = clamp_to(x, place->x, place->width);
		at.y = clamp_to(y, place->y, place->height);
		at.width = place->width;
		at.height = place->height;
		layout_tablet(screen->head, &screen->desktop, head, at.x, at.y, &tablet_x,
			      &tablet_y);
		screen->source->ops->pointer(screen->source, tablet_x, tablet_y, head, &at);
	}
	set_buttons(viewer, buttons);
}

void screen_motion(struct viewer *viewer, int32_t dx, int32_t dy, uint32_t buttons)
{
	struct source *source = viewer->screen ? viewer->screen->source : NULL;

	if (!may(viewer) || !source->ops->motion)
		return;
	if (dx != 0 || dy != 0)
		source->ops->motion(source, dx, dy);
	set_buttons(viewer, buttons);
}

void screen_wheel(struct viewer *viewer, int32_t dx, int32_t dy)
{
	struct source *source = viewer->screen ? viewer->screen->source : NULL;

	if (may(viewer) && source->ops->wheel && (dx != 0 || dy != 0))
		source->ops->wheel(source, dx, dy);
}

/* --- Letting go ------------------------------------------------------------------------------- */

void input_release(struct screen *screen, struct viewer *viewer)
{
	for (uint32_t code = 0; code < VIEWER_KEYS; code++) {
		if (!holds(viewer, code))
			continue;
		set_held(viewer, code, false);
		if (screen->source && !anybody_holds(screen, code))
			screen->source->ops->key(screen->source, code, false);
	}
	if (screen->source)
		set_buttons(viewer, 0);
	viewer->buttons = 0;
}

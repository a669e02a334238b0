/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/layout.h"

#include "protocol/base/bytes.h"

#define TABLET_RANGE 32768U

struct box {
	int64_t left, top, right, bottom;
};

static bool shown(const struct layout_head *head)
{
	return head->width > 0 && head->height > 0;
}

static uint32_t scale_of(const struct layout_head *head)
{
	return head->scale_milli ? head->scale_milli : 1000;
}

static void grow(struct box *around, bool first, const struct box *box)
{
	if (first) {
		*around = *box;
		return;
	}
	around->left = MIN(around->left, box->left);
	around->top = MIN(around->top, box->top);
	around->right = MAX(around->right, box->right);
	around->bottom = MAX(around->bottom, box->bottom);
}

/* The session has placed all heads that show something. */
static bool all_placed(const struct layout_head head[])
{
	bool any = false;

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (!shown(&head[i]))
			continue;
		if (!head[i].placed)
			return false;
		any = true;
	}
	return any;
}

/* --- The picture ------------------------------------------------------------------------------ */

static bool overlap(const struct rectangle *a, const struct rectangle *b)
{
	return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height &&
	       b->y < a->y + a->height;
}

static bool any_overlap(const struct desktop *desktop)
{
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		for (unsigned int j = 0; j < i; j++) {
			if (desktop->head[i].enabled && desktop->head[j].enabled &&
			    overlap(&desktop->head[i].place, &desktop->head[j].place))
				return true;
		}
	}
	return false;
}

/* As the session says: possible if all have one scale, none covers another, and it is not too
 * large. */
static bool arrange_as_placed(const struct layout_head head[], struct desktop *desktop)
{
	struct box around = {0};
	uint32_t scale = 0;

	if (!all_placed(head))
		return false;
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		struct box box;
		bool first = scale == 0;

		if (!shown(&head[i]))
			continue;
		if (!first && scale != scale_of(&head[i]))
			return false;
		scale = scale_of(&head[i]);
		box.left = (int64_t)head[i].x * scale / 1000;
		box.top = (int64_t)head[i].y * scale / 1000;
		box.right = box.left + head[i].width;
		box.bottom = box.top + head[i].height;
		grow(&around, first, &box);
	}
	if (around.right - around.left > LAYOUT_MAX_SIDE ||
	    around.bottom - around.top > LAYOUT_MAX_SIDE ||
	    (around.right - around.left) * (around.bottom - around.top) > DESKTOP_MAX_PIXELS)
		return false;
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		desktop->head[i].enabled = shown(&head[i]);
		if (!desktop->head[i].enabled)
			continue;
		desktop->head[i].place = (struct rectangle){
			.x = (uint32_t)((int64_t)head[i].x * scale / 1000 - around.left),
			.y = (uint32_t)((int64_t)head[i].y * scale / 1000 - around.top),
			.width = head[i].width,
			.height = head[i].height,
		};
	}
	desktop->width = (uint32_t)(around.right - around.left);
	desktop->height = (uint32_t)(around.bottom - around.top);
	return !any_overlap(desktop);
}

/* Cut to what a picture may be. */
static void cut(struct desktop *desktop, uint64_t width, uint64_t height)
{
	height = MIN(height, LAYOUT_MAX_SIDE);
	width = MIN(width, LAYOUT_MAX_SIDE);
	if (height > 0)
		width = MIN(width, DESKTOP_MAX_PIXELS / height);
	desktop->width = (uint32_t)width;
	desktop->height = (uint32_t)height;
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		struct desktop_head *head = &desktop->head[i];

		if (!head->enabled)
			continue;
		if (head->place.x >= width || head->place.y >= height) {
			*head = (struct desktop_head){.enabled = false};
			continue;
		}
		head->place.width = MIN(head->place.width, desktop->width - head->place.x);
		head->place.height = MIN(head->place.height, desktop->height - head->place.y);
	}
}

static void arrange_side_by_side(const struct layout_head head[], struct desktop *desktop)
{
	uint64_t width = 0, height = 0;

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		desktop->head[i] = (struct desktop_head){.enabled = shown(&head[i])};
		if (!desktop->head[i].enabled)
			continue;
		desktop->head[i].place = (struct rectangle){.x = (uint32_t)MIN(width, UINT32_MAX),
							    .width = head[i].width,
							    .height = head[i].height};
		width += head[i].width;
		height = MAX(height, head[i].height);
	}
	cut(desktop, width, height);
}

void layout_arrange(const struct layout_head head[DESKTOP_MAX_HEADS], struct desktop *desktop)
{
	memset(desktop->head, 0, sizeof(desktop->head));
	if (!arrange_as_placed(head, desktop))
		arrange_side_by_side(head, desktop);
	desktop->heads = 0;
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (desktop->head[i].enabled)
			desktop->heads = i + 1;
	}
}

/* --- The pointer ------------------------------------------------------------------------------ */

static struct box logical_box(const struct layout_head *head)
{
	return (struct box){.left = head->x,
			    .top = head->y,
			    .right = head->x + (int64_t)head->width * 1000 / scale_of(head),
			    .bottom = head->y + (int64_t)head->height * 1000 / scale_of(head)};
}

/* The middle of the pixel, so that whoever rounds comes back to it. */
static uint32_t to_tablet(uint64_t twice, uint64_t size)
{
	uint64_t value = size ? twice * TABLET_RANGE / (2 * size) : 0;

	return (uint32_t)MIN(value, TABLET_RANGE - 1);
}

void layout_tablet(const struct layout_head head[DESKTOP_MAX_HEADS], const struct desktop *desktop,
		   unsigned int which, uint32_t x, uint32_t y, uint32_t *tablet_x,
		   uint32_t *tablet_y)
{
	const struct rectangle *place = &desktop->head[which].place;
	struct box around = {0}, box;
	uint64_t scale = scale_of(&head[which]);
	bool first = true;

	if (!all_placed(head)) {
		*tablet_x = to_tablet(2 * ((uint64_t)place->x + x) + 1, desktop->width);
		*tablet_y = to_tablet(2 * ((uint64_t)place->y + y) + 1, desktop->height);
		return;
	}
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (!shown(&head[i]))
			continue;
		box = logical_box(&head[i]);
		grow(&around, first, &box);
		first = false;
	}
	box = logical_box(&head[which]);
	*tablet_x = to_tablet((2 * (uint64_t)x + 1) * 1000 / scale +
				      2 * (uint64_t)(box.left - around.left),
			      (uint64_t)(around.right - around.left));
	*tablet_y = to_tablet((2 * (uint64_t)y + 1) * 1000 / scale +
				      2 * (uint64_t)(box.top - around.top),
			      (uint64_t)(around.bottom - around.top));
}

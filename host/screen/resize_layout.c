/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the guest's session is asked for: all heads, with their places. */
#include "host/screen/resize_internal.h"

static struct guest_head shall_be(const struct resize_head *head, const struct guest_head *is)
{
	struct guest_head shall = *is;

	shall.known = true;
	if (!head->asked) {
		shall.known = is->known || head->shown.width > 0;
		shall.enabled = head->shown.width > 0;
		shall.width = head->shown.width;
		shall.height = head->shown.height;
		return shall;
	}
	shall.enabled = head->wanted.enabled;
	shall.width = head->wanted.width;
	shall.height = head->wanted.height;
	if (head->wanted.scale_milli)
		shall.scale_milli = head->wanted.scale_milli;
	if (head->wanted.placed) {
		shall.x = head->wanted.x;
		shall.y = head->wanted.y;
	}
	return shall;
}

static int64_t logical(uint32_t pixels, uint32_t scale_milli)
{
	return (int64_t)pixels * 1000 / (scale_milli ? scale_milli : 1000);
}

/* Heads that nobody has placed stand in a row, in the order in which they stood. */
static void place_in_row(const struct resize *resize, struct guest_layout *layout)
{
	unsigned int order[DESKTOP_MAX_HEADS], count = 0;
	int64_t x = 0;

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		unsigned int at = count;

		if (!layout->head[i].known || !layout->head[i].enabled)
			continue;
		if (resize->head[i].asked && resize->head[i].wanted.placed)
			return;
		while (at > 0 && layout->head[order[at - 1]].x > layout->head[i].x) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = i;
		count++;
	}
	for (unsigned int i = 0; i < count; i++) {
		struct guest_head *head = &layout->head[order[i]];

		head->x = (int32_t)x;
		head->y = 0;
		x += logical(head->width, head->scale_milli);
	}
}

void resize_lay_out(const struct resize *resize, struct guest_layout *layout)
{
	*layout = *resize->session->layout(resize->owner);
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++)
		layout->head[i] = shall_be(&resize->head[i], &layout->head[i]);
	place_in_row(resize, layout);
}

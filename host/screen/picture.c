/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory comes from mmap() by way of calloc(), black and not there until it is written; the old
 * picture is freed as soon as what is kept of it has been copied.
 */
#include "host/screen/picture.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

static bool same_place(const struct rectangle *a, const struct rectangle *b)
{
	return a->x == b->x && a->y == b->y && a->width == b->width && a->height == b->height;
}

static bool same_heads(const struct desktop *a, const struct desktop *b)
{
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (a->head[i].enabled != b->head[i].enabled ||
		    !same_place(&a->head[i].place, &b->head[i].place))
			return false;
	}
	return true;
}

static void copy_head(const struct desktop *from, struct desktop *to, unsigned int head)
{
	const struct rectangle *old = &from->head[head].place, *new = &to->head[head].place;

	if (!from->head[head].enabled || !to->head[head].enabled || old->width != new->width ||
	    old->height != new->height)
		return;
	for (uint32_t y = 0; y < new->height; y++)
		memcpy(to->pixels + (new->y + y) * to->stride + new->x * 4UL,
		       from->pixels + (old->y + y) * from->stride + old->x * 4UL, new->width * 4UL);
}

int picture_rearrange(struct desktop *desktop, const struct desktop *next)
{
	struct desktop made = *next;

	if (desktop->width == next->width && desktop->height == next->height &&
	    same_heads(desktop, next)) {
		desktop->heads = next->heads;
		return 0;
	}
	made.generation = desktop->generation + 1;
	made.stride = made.width * 4UL;
	made.pixels = NULL;
	if ((uint64_t)made.width * made.height > 0 &&
	    (uint64_t)made.width * made.height <= DESKTOP_MAX_PIXELS)
		made.pixels = calloc(made.height, made.stride);
	if (!made.pixels) {
		bool wanted = made.width > 0 && made.height > 0;

		picture_free(desktop);
		desktop->generation = made.generation;
		return wanted ? -ENOMEM : 1;
	}
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++)
		copy_head(desktop, &made, i);
	free(desktop->pixels);
	*desktop = made;
	return 1;
}

void picture_free(struct desktop *desktop)
{
	uint32_t generation = desktop->generation;

	free(desktop->pixels);
	*desktop = (struct desktop){.generation = generation};
}

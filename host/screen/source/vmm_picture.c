/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pixels are copied when somebody looks, and no more often than the pace allows: the first damage
 * at once, what comes within FRAME_MS after it together. CHANNEL_NEXT goes out after the copy, so
 * the VMM sends one packet a frame and none while nobody looks. When somebody begins to look, all
 * is copied at once: the picture is right when screen_watch() returns.
 */
#include "host/screen/source/vmm_internal.h"

#include <errno.h>

#define FRAME_MS 8

void vmm_ask(struct vmm_source *vmm, unsigned int head)
{
	union packet packet = {.head = {.kind = CHANNEL_NEXT, .head = head}};

	if (vmm->head[head].asked || !vmm->watching)
		return;
	vmm->head[head].asked = true;
	vmm_send(vmm, &packet);
}

/* --- Pixels ------------------------------------------------------------------------------------
 */

static void copy_dirty(struct vmm_source *vmm, unsigned int head)
{
	struct vmm_head *mine = &vmm->head[head];
	struct rectangle dirty = mine->dirty, place;
	uint8_t *pixels;
	size_t stride;

	mine->dirty = (struct rectangle){0};
	pixels = screen_pixels(vmm->source.screen, head, &place, &stride);
	if (!pixels || !mine->surface.enabled)
		return;
	/* What is in the picture may be less than the head, never more than the surface. */
	place.width = MIN(place.width, mine->surface.width);
	place.height = MIN(place.height, mine->surface.height);
	if (dirty.x >= place.width || dirty.y >= place.height)
		return;
	dirty.width = MIN(dirty.width, place.width - dirty.x);
	dirty.height = MIN(dirty.height, place.height - dirty.y);
	surface_copy(&vmm->area, &mine->surface, &dirty, pixels + dirty.y * stride + dirty.x * 4UL,
		     stride);
	screen_damaged(vmm->source.screen, head, &dirty);
}

static bool is_dirty(const struct vmm_head *head)
{
	return head->dirty.width > 0;
}

static void on_pace(uv_timer_t *timer);

/* Return: whether anything was copied. */
static bool copy_all(struct vmm_source *vmm)
{
	bool any = false;

	for (unsigned int i = 0; i < vmm->heads && vmm->watching; i++) {
		if (!is_dirty(&vmm->head[i]))
			continue;
		copy_dirty(vmm, i);
		any = true;
		vmm_ask(vmm, i);
	}
	return any;
}

void vmm_show(struct vmm_source *vmm)
{
	if (!vmm->watching || uv_is_active((uv_handle_t *)vmm->pace))
		return;
	if (copy_all(vmm) && !vmm->ended)
		uv_timer_start(vmm->pace, on_pace, FRAME_MS, 0);
}

static void on_pace(uv_timer_t *timer)
{
	vmm_show(timer->data);
}

void vmm_add_dirty(struct vmm_head *head, const struct rectangle *more)
{
	struct rectangle *dirty = &head->dirty;
	uint32_t right, bottom;

	if (!is_dirty(head)) {
		*dirty = *more;
		return;
	}
	right = MAX(dirty->x + dirty->width, more->x + more->width);
	bottom = MAX(dirty->y + dirty->height, more->y + more->height);
	dirty->x = MIN(dirty->x, more->x);
	dirty->y = MIN(dirty->y, more->y);
	dirty->width = right - dirty->x;
	dirty->height = bottom - dirty->y;
}

static void all_dirty(struct vmm_head *head)
{
	head->dirty =
		(struct rectangle){.width = head->surface.width, .height = head->surface.height};
}

/* --- The area ----------------------------------------------------------------------------------
 */

int vmm_read_scanout(struct vmm_source *vmm, unsigned int head)
{
	struct vmm_head *mine = &vmm->head[head];
	uint32_t width = mine->surface.width, height = mine->surface.height;
	int result = area_read_scanout(&vmm->area, head, &mine->surface);

	if (result == -EAGAIN)
		return 0;
	if (result < 0)
		return result;
	all_dirty(mine);
	if (mine->surface.width != width || mine->surface.height != height ||
	    !mine->surface.enabled)
		screen_head_changed(vmm->source.screen, head, mine->surface.width,
				    mine->surface.height);
	return 0;
}

void vmm_read_cursor(struct vmm_source *vmm, unsigned int head)
{
	struct channel_cursor read;
	struct desktop_cursor cursor;

	if (area_read_cursor(&vmm->area, head, &read) < 0)
		return;
	cursor = (struct desktop_cursor){
		.visible = read.visible,
		.width = CHANNEL_CURSOR_SIZE,
		.height = CHANNEL_CURSOR_SIZE,
		.hot_x = read.hot_x,
		.hot_y = read.hot_y,
		.x = read.x,
		.y = read.y,
		.pixels = read.pixels,
	};
	screen_set_cursor(vmm->source.screen, head, &cursor);
}

/* --- Watching ----------------------------------------------------------------------------------
 */

/* While nobody looked the guest may have flipped to another surface, or moved its cursor: that is
 * not told then. */
static void catch_up(struct vmm_source *vmm, unsigned int head)
{
	int result = vmm->head[head].surface.enabled ? vmm_read_scanout(vmm, head) : 0;

	if (result < 0)
		vmm_end(vmm, result);
	else
		vmm_read_cursor(vmm, head);
}

void vmm_watch(struct source *source, bool watching)
{
	struct vmm_source *vmm = vmm_of(source);

	vmm->watching = watching;
	if (!watching) {
		uv_timer_stop(vmm->pace);
		return;
	}
	for (unsigned int i = 0; i < vmm->heads && !vmm->ended; i++) {
		all_dirty(&vmm->head[i]);
		catch_up(vmm, i);
		vmm_ask(vmm, i);
	}
	vmm_show(vmm);
}

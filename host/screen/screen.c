/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Viewers are told of changes one after the other; while that goes on any of them may go, and with
 * it others, so a walk over them is known to the screen, which moves it on.
 */
#include "host/screen/picture.h"
#include "host/screen/screen_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <assert.h>

#define MAX_CURSOR 512

/* --- Walking over viewers ----------------------------------------------------------------------
 */

static struct viewer *walk_begin(struct screen *screen, struct viewer_walk *walk)
{
	*walk = (struct viewer_walk){.next = screen->viewers, .outer = screen->walk};
	screen->walk = walk;
	return walk->next;
}

static struct viewer *walk_next(struct viewer_walk *walk)
{
	struct viewer *viewer = walk->next;

	if (viewer)
		walk->next = viewer->next;
	return viewer;
}

static void walk_end(struct screen *screen, struct viewer_walk *walk)
{
	screen->walk = walk->outer;
}

#define FOR_EACH_VIEWER(screen, walk, viewer)                                                      \
	for (walk_begin(screen, walk); ((viewer) = walk_next(walk)) || (walk_end(screen, walk), 0);)

/* --- For everyone ------------------------------------------------------------------------------
 */

uv_loop_t *screen_loop(struct screen *screen)
{
	return screen->loop;
}

const struct desktop *screen_desktop(const struct screen *screen)
{
	return &screen->desktop;
}

bool screen_is_current(const struct screen *screen)
{
	const struct source *source = screen->source;

	return source && screen->watchers > 0 &&
	       (!source->ops->is_current || source->ops->is_current(source));
}

const struct desktop_cursor *screen_cursor(const struct screen *screen)
{
	return &screen->cursor;
}

uint32_t screen_leds(const struct screen *screen)
{
	return screen->leds;
}

const struct viewer *screen_viewers(const struct screen *screen)
{
	return screen->viewers;
}

const char *screen_source_name(const struct screen *screen)
{
	return screen->source ? screen->source->ops->name : "";
}

const char *screen_name(const struct screen *screen)
{
	return screen->name;
}

/* --- Viewers -----------------------------------------------------------------------------------
 */

int screen_add_viewer(struct screen *screen, struct viewer *viewer)
{
	assert(viewer->ops && viewer->ops->close);
	if (screen->viewer_count >= SCREEN_MAX_VIEWERS)
		return -EMFILE;
	viewer->screen = screen;
	viewer->watching = false;
	viewer->missed = (struct rectangle){.width = UINT32_MAX, .height = UINT32_MAX};
	memset(viewer->held, 0, sizeof(viewer->held));
	viewer->buttons = 0;
	viewer->next = screen->viewers;
	screen->viewers = viewer;
	screen->viewer_count++;
	log_debug("viewer %s %s has come", viewer->ops->protocol, viewer->peer);
	return 0;
}

void screen_remove_viewer(struct viewer *viewer)
{
	struct screen *screen = viewer->screen;
	struct viewer **link;

	if (!screen)
		return;
	screen_watch(viewer, false);
	input_release(screen, viewer);
	if (screen->hooks && screen->hooks->viewer_gone)
		screen->hooks->viewer_gone(screen->hooks_owner, viewer);
	for (link = &screen->viewers; *link != viewer; link = &(*link)->next)
		assert(*link);
	*link = viewer->next;
	for (struct viewer_walk *walk = screen->walk; walk; walk = walk->outer) {
		if (walk->next == viewer)
			walk->next = viewer->next;
	}
	screen->viewer_count--;
	viewer->screen = NULL;
	viewer->next = NULL;
	log_debug("viewer %s %s has gone", viewer->ops->protocol, viewer->peer);
}

static void close_viewers(struct screen *screen)
{
	while (screen->viewers) {
		struct viewer *viewer = screen->viewers;

		screen_remove_viewer(viewer);
		viewer->ops->close(viewer);
	}
}

static void count_watcher(struct screen *screen, bool more)
{
	unsigned int before = screen->watchers;

	screen->watchers = more ? before + 1 : before - 1;
	if (screen->source && (before == 0 || screen->watchers == 0))
		screen->source->ops->watch(screen->source, more);
}

static bool is_empty(const struct rectangle *rectangle)
{
	return rectangle->width == 0 || rectangle->height == 0;
}

/* As much of @rectangle as is in the picture. */
static struct rectangle within(const struct desktop *desktop, struct rectangle rectangle)
{
	if (rectangle.x >= desktop->width || rectangle.y >= desktop->height)
		return (struct rectangle){0};
	rectangle.width = MIN(rectangle.width, desktop->width - rectangle.x);
	rectangle.height = MIN(rectangle.height, desktop->height - rectangle.y);
	return rectangle;
}

void screen_watch(struct viewer *viewer, bool watching)
{
	struct screen *screen = viewer->screen;
	struct rectangle missed;

	if (!screen || viewer->watching == watching)
		return;
	viewer->watching = watching;
	count_watcher(screen, watching);
	if (!watching || is_empty(&viewer->missed))
		return;
	missed = within(&screen->desktop, viewer->missed);
	viewer->missed = (struct rectangle){0};
	if (!is_empty(&missed))
		viewer->ops->damaged(viewer, &missed);
}

static struct rectangle around(const struct rectangle *a, const struct rectangle *b)
{
	struct rectangle both;

	if (is_empty(a))
		return *b;
	both.x = MIN(a->x, b->x);
	both.y = MIN(a->y, b->y);
	both.width = (uint32_t)MIN(
		MAX((uint64_t)a->x + a->width, (uint64_t)b->x + b->width) - both.x, UINT32_MAX);
	both.height = (uint32_t)MIN(
		MAX((uint64_t)a->y + a->height, (uint64_t)b->y + b->height) - both.y, UINT32_MAX);
	return both;
}

static void tell_damage(struct screen *screen, const struct rectangle *where)
{
	struct viewer_walk walk;
	struct viewer *viewer;

	FOR_EACH_VIEWER(screen, &walk, viewer)
	{
		if (viewer->watching)
			viewer->ops->damaged(viewer, where);
		else
			viewer->missed = around(&viewer->missed, where);
	}
}

/* --- Requests ----------------------------------------------------------------------------------
 */

int screen_request(struct screen *screen, struct viewer *viewer, enum screen_who who,
		   const struct screen_wish *wish)
{
	struct screen_wish checked = *wish;
	bool any_named = false, any_on = false;

	if (viewer && viewer->view_only)
		return -EPERM;
	if (!screen->source || !screen->hooks)
		return -EOPNOTSUPP;
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		__typeof__(&checked.head[0]) head = &checked.head[i];
		bool is_on = screen->head[i].width > 0;

		any_named |= head->named;
		if (!head->named) {
			any_on |= !wish->all && is_on;
			continue;
		}
		any_on |= head->enabled;
		/* 0: as it is. */
		if (head->width)
			head->width = MIN(MAX(head->width, SCREEN_MIN_SIZE), SCREEN_MAX_SIZE);
		if (head->height)
			head->height = MIN(MAX(head->height, SCREEN_MIN_SIZE), SCREEN_MAX_SIZE);
	}
	/* A guest without any monitor has none to come back on. */
	if (!any_named || !any_on)
		return -EINVAL;
	screen->hooks->requested(screen->hooks_owner, who, &checked);
	return 0;
}

/* --- Heads -------------------------------------------------------------------------------------
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
		tell_damage(screen, &cut);
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

/* --- Cursor and LEDs ---------------------------------------------------------------------------
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

/* --- For the program ---------------------------------------------------------------------------
 */

void screen_status_changed(struct screen *screen)
{
	struct viewer_walk walk;
	struct viewer *viewer;

	FOR_EACH_VIEWER(screen, &walk, viewer)
	{
		if (viewer->ops->status_changed)
			viewer->ops->status_changed(viewer);
	}
}

void screen_clipboard_changed(struct screen *screen, const struct viewer *except)
{
	struct viewer_walk walk;
	struct viewer *viewer;

	FOR_EACH_VIEWER(screen, &walk, viewer)
	{
		if (viewer != except && viewer->ops->clipboard_changed)
			viewer->ops->clipboard_changed(viewer);
	}
}

struct clipboard *screen_clipboard(const struct screen *screen)
{
	return screen->clipboard;
}

void screen_set_clipboard(struct screen *screen, struct clipboard *clipboard)
{
	screen->clipboard = clipboard;
}

const struct keyboard *screen_keyboard(const struct screen *screen)
{
	return screen->keyboard;
}

void screen_set_keyboard(struct screen *screen, const struct keyboard *keyboard)
{
	screen->keyboard = keyboard;
}

void screen_set_hooks(struct screen *screen, const struct screen_hooks *hooks, void *owner)
{
	screen->hooks = hooks;
	screen->hooks_owner = owner;
}

void screen_set_patience(struct screen *screen, uint64_t dark_ms)
{
	screen->patience_ms = dark_ms;
}

struct screen *screen_new(uv_loop_t *loop, const char *name)
{
	struct screen *screen = calloc(1, sizeof(*screen));

	if (!screen)
		return NULL;
	screen->loop = loop;
	screen->patience_ms = SCREEN_DARK_MS;
	screen->name = strdup(name);
	screen->dark_timer = calloc(1, sizeof(*screen->dark_timer));
	if (!screen->name || !screen->dark_timer) {
		free(screen->dark_timer);
		free(screen->name);
		free(screen);
		return NULL;
	}
	uv_timer_init(loop, screen->dark_timer);
	screen->dark_timer->data = screen;
	return screen;
}

void screen_set_source(struct screen *screen, struct source *source)
{
	struct source *old = screen->source;

	screen->source = NULL;
	if (old)
		old->ops->free(old);
	screen->source = source;
	screen->buttons = 0;
	if (source)
		source->screen = screen;
	if (source && screen->watchers)
		source->ops->watch(source, true);
}

struct source *screen_source(const struct screen *screen)
{
	return screen->source;
}

void screen_source_ended(struct screen *screen, int error)
{
	if (screen->ended || (screen->hooks && screen->hooks->source_ended &&
			      screen->hooks->source_ended(screen->hooks_owner, error)))
		return;
	screen->ended = true;
	screen->error = error;
	close_viewers(screen);
	uv_stop(screen->loop);
}

bool screen_ended(const struct screen *screen, int *error)
{
	*error = screen->error;
	return screen->ended;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void screen_free(struct screen *screen)
{
	if (!screen)
		return;
	close_viewers(screen);
	screen_set_source(screen, NULL);
	uv_close((uv_handle_t *)screen->dark_timer, timer_closed);
	picture_free(&screen->desktop);
	free(screen->cursor.pixels);
	free(screen->name);
	free(screen);
}

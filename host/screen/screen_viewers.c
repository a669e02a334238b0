/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Viewers are told of changes one after the other; while that goes on any of them may go, and with
 * it others, so a walk over them is known to the screen, which moves it on.
 */
#include "host/screen/screen_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <assert.h>
#include <errno.h>

/* --- Walking over viewers ------------------------------------------------------------------------
 */

void screen_walk_begin(struct screen *screen, struct viewer_walk *walk)
{
	*walk = (struct viewer_walk){.next = screen->viewers, .outer = screen->walk};
	screen->walk = walk;
}

struct viewer *screen_walk_next(struct viewer_walk *walk)
{
	struct viewer *viewer = walk->next;

	if (viewer)
		walk->next = viewer->next;
	return viewer;
}

void screen_walk_end(struct screen *screen, struct viewer_walk *walk)
{
	screen->walk = walk->outer;
}

/* --- Coming, watching, going ---------------------------------------------------------------------
 */

const struct viewer *screen_viewers(const struct screen *screen)
{
	return screen->viewers;
}

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

void screen_close_viewers(struct screen *screen)
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

void screen_tell_damage(struct screen *screen, const struct rectangle *where)
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

/* --- Telling -------------------------------------------------------------------------------------
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A viewer's life, and what the screen tells it, passed on to its listeners and as properties. */
#include "host/screen/dbus/internal.h"

#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct dbus_viewer *viewer_of(struct viewer *viewer)
{
	return CONTAINER_OF(viewer, struct dbus_viewer, viewer);
}

/* --- End -------------------------------------------------------------------------------------- */

static void life_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void end(struct dbus_viewer *viewer)
{
	if (viewer->freed)
		return;
	viewer->freed = true;
	while (viewer->listeners)
		dbus_listener_free(viewer->listeners);
	display_clipboard_end(viewer);
	screen_remove_viewer(&viewer->viewer);
	bus_peer_free(viewer->peer);
	uv_close((uv_handle_t *)&viewer->life, life_closed);
}

/* --- What the screen tells -------------------------------------------------------------------- */

/* Properties that follow from the desktop. */
static void tell_sizes(struct dbus_viewer *viewer)
{
	const struct desktop *desktop = screen_desktop(viewer->viewer.screen);
	unsigned int before = viewer->consoles;
	char path[DISPLAY_PATH_SIZE];

	viewer->consoles = display_consoles(viewer);
	if (before != viewer->consoles)
		display_consoles_changed(viewer, before, viewer->consoles);
	for (unsigned int i = 0; i < viewer->consoles; i++) {
		const struct desktop_head *head = &desktop->head[i];
		uint32_t width = head->enabled ? head->place.width : 0;
		uint32_t height = head->enabled ? head->place.height : 0;

		display_console_path(i, path);
		if (viewer->width[i] != width)
			display_changed(viewer, path, i, &display_console, "Width");
		if (viewer->height[i] != height)
			display_changed(viewer, path, i, &display_console, "Height");
		viewer->width[i] = width;
		viewer->height[i] = height;
	}
}

static void on_desktop_changed(struct viewer *base)
{
	struct dbus_viewer *viewer = viewer_of(base);
	struct dbus_listener *next;

	tell_sizes(viewer);
	for (struct dbus_listener *listener = viewer->listeners; listener; listener = next) {
		next = dbus_listener_next(listener);
		dbus_listener_desktop_changed(listener);
	}
}

static void on_damaged(struct viewer *base, const struct rectangle *where)
{
	struct dbus_viewer *viewer = viewer_of(base);
	struct dbus_listener *next;

	for (struct dbus_listener *listener = viewer->listeners; listener; listener = next) {
		next = dbus_listener_next(listener);
		dbus_listener_damaged(listener, where);
	}
}

static void on_cursor_changed(struct viewer *base)
{
	struct dbus_viewer *viewer = viewer_of(base);
	struct dbus_listener *next;

	for (struct dbus_listener *listener = viewer->listeners; listener; listener = next) {
		next = dbus_listener_next(listener);
		dbus_listener_cursor_changed(listener);
	}
}

static void on_leds_changed(struct viewer *base, uint32_t leds)
{
	struct dbus_viewer *viewer = viewer_of(base);
	char path[DISPLAY_PATH_SIZE];

	(void)leds;
	for (unsigned int i = 0; i < viewer->consoles; i++) {
		display_console_path(i, path);
		display_changed(viewer, path, i, &display_keyboard, "Modifiers");
	}
}

static void on_clipboard_changed(struct viewer *base)
{
	display_clipboard_changed(viewer_of(base));
}

static void on_close(struct viewer *base)
{
	end(viewer_of(base));
}

static const struct viewer_ops viewer_ops = {
	.protocol = "dbus",
	.desktop_changed = on_desktop_changed,
	.damaged = on_damaged,
	.cursor_changed = on_cursor_changed,
	.leds_changed = on_leds_changed,
	.clipboard_changed = on_clipboard_changed,
	.close = on_close,
};

/* --- The connection --------------------------------------------------------------------------- */

static void on_ready(void *owner)
{
	struct dbus_viewer *viewer = owner;

	tell_sizes(viewer); /* nobody yet: from now on what differs */
	viewer->ready = true;
}

static void on_message(void *owner, DBusMessage *message, int *fds, size_t count)
{
	struct dbus_viewer *viewer = owner;
	struct display_call call = {
		.viewer = viewer, .message = message, .fds = fds, .fd_count = count};

	if (bus_peer_queued(viewer->peer) > DISPLAY_MAX_UNANSWERED) {
		log_warning("viewer dbus %s does not read its answers", viewer->viewer.peer);
		end(viewer);
		return;
	}
	if (dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_METHOD_CALL)
		display_dispatch(&call);
}

static void on_closed(void *owner, int error)
{
	struct dbus_viewer *viewer = owner;

	if (error < 0)
		log_debug("viewer dbus %s: %s", viewer->viewer.peer, error_text(error));
	end(viewer);
}

static const struct bus_peer_handlers handlers = {on_ready, on_message, NULL, on_closed};

int dbus_viewer_accept(struct screen *screen, int fd, bool view_only, const char *peer)
{
	struct dbus_viewer *viewer = calloc(1, sizeof(*viewer));
	int result;

	if (!viewer) {
		close(fd);
		return -ENOMEM;
	}
	viewer->viewer.ops = &viewer_ops;
	viewer->viewer.view_only = view_only;
	snprintf(viewer->viewer.peer, sizeof(viewer->viewer.peer), "%s", peer);
	result = bus_peer_new(screen_loop(screen), fd, true, &handlers, viewer, &viewer->peer);
	if (result < 0) {
		free(viewer);
		return result;
	}
	bus_peer_limit(viewer->peer, DISPLAY_MAX_MESSAGE);
	result = screen_add_viewer(screen, &viewer->viewer);
	if (result < 0) {
		bus_peer_free(viewer->peer);
		free(viewer);
		return result;
	}
	uv_timer_init(screen_loop(screen), &viewer->life);
	viewer->life.data = viewer;
	return 0;
}

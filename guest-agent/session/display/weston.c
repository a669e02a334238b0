/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * weston - Weston, and any other compositor that nobody can tell anything
 *
 * The layout is what each client sees. Weston reads a monitor only when it is plugged in, and takes
 * its preferred mode then: the host is asked to plug it in again.
 */
#include "guest-agent/session/display.h"
#include "guest-agent/session/wayland/connection.h"
#include "guest-agent/session/wayland/outputs.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct watcher {
	const struct service_context *context;
	struct display *display;
	struct wayland *wayland;
	struct outputs *outputs;
	bool is_weston;
};

static void on_changed(void *owner)
{
	const struct watcher *watcher = owner;

	display_changed(watcher->display);
}

static void on_global(void *owner, uint32_t name, const char *interface, uint32_t version)
{
	struct watcher *watcher = owner;

	if (strncmp(interface, "weston_", strlen("weston_")) == 0)
		watcher->is_weston = true;
	outputs_global(watcher->outputs, watcher->wayland, name, interface, version);
}

static void on_removed(void *owner, uint32_t name)
{
	struct watcher *watcher = owner;

	outputs_removed(watcher->outputs, name);
}

static void on_closed(void *owner, int error)
{
	struct watcher *watcher = owner;

	log_debug("the compositor hung up: %s", error_text(error));
	watcher->context->over(watcher->context->owner);
}

static const struct wayland_handlers wayland_handlers = {
	.global = on_global,
	.removed = on_removed,
	.closed = on_closed,
};

static void watcher_stop(void *state)
{
	struct watcher *watcher = state;

	if (watcher->wayland)
		outputs_free(watcher->outputs);
	wayland_close(watcher->wayland);
	free(watcher);
}

static int watcher_start(const struct service_context *context, struct display *display,
			 bool only_weston, void **state)
{
	struct watcher *watcher;
	int error = -ENOMEM;

	if (context->environment->kind != ENVIRONMENT_WAYLAND)
		return -ENOTSUP;
	watcher = calloc(1, sizeof(*watcher));
	if (!watcher)
		return -ENOMEM;
	watcher->context = context;
	watcher->display = display;
	watcher->outputs = outputs_new(on_changed, watcher);
	if (watcher->outputs)
		error = wayland_open(context->loop, &wayland_handlers, watcher, &watcher->wayland);
	if (!error && only_weston && !watcher->is_weston)
		error = -ENOTSUP;
	if (!error)
		error = wayland_roundtrip(watcher->wayland);
	if (error) {
		watcher_stop(watcher);
		return error;
	}
	*state = watcher;
	return 0;
}

static int weston_start(const struct service_context *context, struct display *display,
			void **state)
{
	return watcher_start(context, display, true, state);
}

static int other_start(const struct service_context *context, struct display *display, void **state)
{
	return watcher_start(context, display, false, state);
}

static bool watcher_read(void *state, struct head_list *heads)
{
	const struct watcher *watcher = state;

	outputs_read(watcher->outputs, heads);
	return false;
}

const struct display_backend display_weston = {
	.name = "weston",
	.start = weston_start,
	.stop = watcher_stop,
	.read = watcher_read,
	.replugs = true,
};

const struct display_backend display_wayland = {
	.name = "",
	.start = other_start,
	.stop = watcher_stop,
	.read = watcher_read,
};

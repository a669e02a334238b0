/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/wayland/connection.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

struct wayland {
	struct wl_display *display;
	struct wl_registry *registry;
	const struct wayland_handlers *handlers;
	void *owner;
	uv_poll_t poll;
	uv_prepare_t prepare; /* before the loop sleeps: events that are here, requests to go */
	bool failed;
	unsigned int closing;
};

static void on_global(void *data, struct wl_registry *registry, uint32_t name,
		      const char *interface, uint32_t version)
{
	const struct wayland *wayland = data;

	(void)registry;
	if (wayland->handlers->global)
		wayland->handlers->global(wayland->owner, name, interface, version);
}

static void on_removed(void *data, struct wl_registry *registry, uint32_t name)
{
	const struct wayland *wayland = data;

	(void)registry;
	if (wayland->handlers->removed)
		wayland->handlers->removed(wayland->owner, name);
}

static const struct wl_registry_listener registry_listener = {on_global, on_removed};

static void fail(struct wayland *wayland, int error)
{
	if (wayland->failed)
		return;
	wayland->failed = true;
	uv_poll_stop(&wayland->poll);
	uv_prepare_stop(&wayland->prepare);
	wayland->handlers->closed(wayland->owner, error);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct wayland *wayland = poll->data;

	if (status < 0) {
		fail(wayland, status);
		return;
	}
	if (!(events & UV_READABLE))
		return; /* writable: the flush before the next sleep is enough */
	while (wl_display_prepare_read(wayland->display) != 0) {
		if (wl_display_dispatch_pending(wayland->display) < 0) {
			fail(wayland, -errno);
			return;
		}
	}
	/* Events are dispatched before the loop sleeps. */
	if (wl_display_read_events(wayland->display) < 0)
		fail(wayland, -errno);
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct wayland *wayland = prepare->data;
	int flushed;

	if (wl_display_dispatch_pending(wayland->display) < 0) {
		fail(wayland, -errno);
		return;
	}
	flushed = wl_display_flush(wayland->display);
	/* EPIPE: the reason can still be read. */
	if (flushed < 0 && errno != EAGAIN && errno != EPIPE) {
		fail(wayland, -errno);
		return;
	}
	uv_poll_start(&wayland->poll,
		      UV_READABLE | (flushed < 0 && errno == EAGAIN ? UV_WRITABLE : 0), on_poll);
}

static void on_released(uv_handle_t *handle)
{
	struct wayland *wayland = handle->data;

	if (--wayland->closing == 0)
		free(wayland);
}

int wayland_open(uv_loop_t *loop, const struct wayland_handlers *handlers, void *owner,
		 struct wayland **result)
{
	struct wayland *wayland = calloc(1, sizeof(*wayland));
	int error;

	if (!wayland)
		return -ENOMEM;
	wayland->handlers = handlers;
	wayland->owner = owner;
	wayland->display = wl_display_connect(NULL);
	if (!wayland->display) {
		error = -errno;
		free(wayland);
		return error ? error : -ECONNREFUSED;
	}
	error = uv_poll_init(loop, &wayland->poll, wl_display_get_fd(wayland->display));
	if (error) {
		wl_display_disconnect(wayland->display);
		free(wayland);
		return error;
	}
	wayland->poll.data = wayland;
	uv_prepare_init(loop, &wayland->prepare);
	wayland->prepare.data = wayland;
	wayland->closing = 2;
	wayland->registry = wl_display_get_registry(wayland->display);
	if (!wayland->registry) {
		wayland_close(wayland);
		return -ENOMEM;
	}
	*result = wayland; /* the handlers may use it */
	wl_registry_add_listener(wayland->registry, &registry_listener, wayland);
	error = wayland_roundtrip(wayland);
	if (error) {
		wayland_close(wayland);
		*result = NULL;
		return error;
	}
	uv_prepare_start(&wayland->prepare, on_prepare);
	return 0;
}

int wayland_roundtrip(struct wayland *wayland)
{
	return wl_display_roundtrip(wayland->display) < 0 ? -errno : 0;
}

void *wayland_bind(struct wayland *wayland, uint32_t name, const struct wl_interface *interface,
		   uint32_t version)
{
	return wl_registry_bind(wayland->registry, name, interface, version);
}

struct wl_display *wayland_display(const struct wayland *wayland)
{
	return wayland->display;
}

void wayland_close(struct wayland *wayland)
{
	if (!wayland)
		return;
	wayland->failed = true;
	uv_poll_stop(&wayland->poll);
	if (wayland->registry)
		wl_registry_destroy(wayland->registry);
	wl_display_flush(wayland->display);
	wl_display_disconnect(wayland->display);
	uv_close((uv_handle_t *)&wayland->poll, on_released);
	uv_close((uv_handle_t *)&wayland->prepare, on_released);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wayland: the clipboard of compositors that have data control, ext's or wlr's: KWin, and all that
 * are made with wlroots
 *
 * The compositor shows each selection as an offer with types; ours too. It is told apart by this:
 * while our source has not been cancelled, what is selected is ours, and what was selected by
 * another just before that is no more.
 */
#include "guest-agent/session/clipboard/wayland_internal.h"
#include "guest-agent/session/wayland/connection.h"
#include "guest-agent/session/wayland/data_control.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)
#define TYPES                                                                                      \
	(CLIPBOARD_MAX_TYPES * 2) /* of an offer, before those are left out that say nothing */

/* What another program has copied. */
struct selected {
	struct selected *next;
	struct wl_proxy *proxy;
	size_t count;
	char name[TYPES][CLIPBOARD_TYPE_MAX + 1];
};

struct wayland_clipboard {
	const struct service_context *context;
	struct clipboard *clipboard;
	struct wayland *wayland;
	const struct data_control *protocol;
	uint32_t manager_name, manager_version, seat_name;
	struct wl_proxy *manager, *device;
	struct wl_seat *seat;
	struct selected *all;			       /* offers that the compositor has made */
	struct selected *now[CLIPBOARD_SELECTIONS];    /* of them */
	struct wl_proxy *source[CLIPBOARD_SELECTIONS]; /* ours */
	struct pipe_reads *reads;
	struct pipe_writes *writes;
};

static void ask(struct wl_proxy *proxy, uint32_t request, uint32_t flags)
{
	wl_proxy_marshal_flags(proxy, request, NULL, wl_proxy_get_version(proxy), flags);
}

static void hear(struct wl_proxy *proxy, const void *listener, void *owner)
{
	wl_proxy_add_listener(proxy, (void (**)(void))(uintptr_t)listener, owner);
}

/* --- What others have copied ---------------------------------------------------------------- */

static void selected_free(struct wayland_clipboard *wc, struct selected *selected)
{
	struct selected **place = &wc->all;

	if (!selected)
		return;
	while (*place && *place != selected)
		place = &(*place)->next;
	if (*place)
		*place = selected->next;
	ask(selected->proxy, DATA_OFFER_DESTROY, WL_MARSHAL_FLAG_DESTROY);
	free(selected);
}

static void on_type(void *data, struct wl_proxy *proxy, const char *type)
{
	struct selected *selected = data;
	const size_t length = strlen(type);

	(void)proxy;
	if (selected->count < TYPES && length > 0 && length <= CLIPBOARD_TYPE_MAX)
		memcpy(selected->name[selected->count++], type, length + 1);
}

static const struct data_offer_listener offer_listener = {.offer = on_type};

static void on_offer(void *data, struct wl_proxy *device, struct wl_proxy *proxy)
{
	struct wayland_clipboard *wc = data;
	struct selected *selected = calloc(1, sizeof(*selected));

	(void)device;
	if (!selected) {
		ask(proxy, DATA_OFFER_DESTROY, WL_MARSHAL_FLAG_DESTROY);
		return;
	}
	selected->proxy = proxy;
	selected->next = wc->all;
	wc->all = selected;
	hear(proxy, &offer_listener, selected);
}

static void on_selected(struct wayland_clipboard *wc, enum clipboard_selection selection,
			const struct wl_proxy *proxy)
{
	struct selected *selected = wc->all;
	const char *types[TYPES];
	size_t count = 0;

	while (selected && selected->proxy != proxy)
		selected = selected->next;
	if (selected && selected == wc->now[selection])
		return;
	selected_free(wc, wc->now[selection]);
	wc->now[selection] = NULL;
	if (wc->source[selection]) {
		selected_free(wc, selected);
		return;
	}
	wc->now[selection] = selected;
	for (; selected && count < selected->count; count++)
		types[count] = selected->name[count];
	clipboard_copied(wc->clipboard, selection, types, count);
}

static void on_selection(void *data, struct wl_proxy *device, struct wl_proxy *offer)
{
	(void)device;
	on_selected(data, CLIPBOARD_CLIPBOARD, offer);
}

static void on_primary_selection(void *data, struct wl_proxy *device, struct wl_proxy *offer)
{
	(void)device;
	on_selected(data, CLIPBOARD_PRIMARY, offer);
}

static void clear(struct wayland_clipboard *wc)
{
	pipe_write_drop_all(&wc->writes);
	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++) {
		if (wc->source[i])
			ask(wc->source[i], DATA_SOURCE_DESTROY, WL_MARSHAL_FLAG_DESTROY);
		wc->source[i] = NULL;
		wc->now[i] = NULL;
	}
	while (wc->all)
		selected_free(wc, wc->all);
	if (wc->device)
		ask(wc->device, DATA_DEVICE_DESTROY, WL_MARSHAL_FLAG_DESTROY);
	wc->device = NULL;
}

/* The seat is gone, and with it all selections. */
static void on_finished(void *data, struct wl_proxy *device)
{
	struct wayland_clipboard *wc = data;

	(void)device;
	clear(wc);
	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++)
		clipboard_copied(wc->clipboard, (enum clipboard_selection)i, NULL, 0);
}

static const struct data_device_listener device_listener = {
	.data_offer = on_offer,
	.selection = on_selection,
	.finished = on_finished,
	.primary_selection = on_primary_selection,
};

static void read_begin(void *state, struct clipboard_read *read)
{
	struct wayland_clipboard *wc = state;
	const struct selected *selected = wc->now[read->selection];
	int fds[2];

	if (!selected) {
		read_end(read, -ESTALE);
		return;
	}
	if (pipe2(fds, O_CLOEXEC) < 0) {
		read_end(read, -errno);
		return;
	}
	/* The program's end blocks, as programs expect. */
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	fcntl(fds[0], F_SETPIPE_SZ, PIPE_BYTES); /* or as it is */
	wl_proxy_marshal_flags(selected->proxy, DATA_OFFER_RECEIVE, NULL,
			       wl_proxy_get_version(selected->proxy), 0, read->type, fds[1]);
	close(fds[1]);
	pipe_read_begin(&wc->reads, wc->context->loop, read, fds[0]);
}

static void read_more(void *state, struct clipboard_read *read)
{
	const struct wayland_clipboard *wc = state;

	pipe_read_more(wc->reads, read);
}

static void read_cancel(void *state, struct clipboard_read *read)
{
	struct wayland_clipboard *wc = state;

	pipe_read_cancel(&wc->reads, read);
}

/* --- What the host has copied --------------------------------------------------------------- */

static void on_send(void *data, struct wl_proxy *source, const char *type, int32_t fd)
{
	struct wayland_clipboard *wc = data;

	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++) {
		if (wc->source[i] == source) {
			pipe_write_begin(&wc->writes, wc->context->loop, wc->clipboard,
					 (enum clipboard_selection)i, type, fd);
			return;
		}
	}
	close(fd);
}

static void on_source_cancelled(void *data, struct wl_proxy *source)
{
	struct wayland_clipboard *wc = data;

	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++) {
		if (wc->source[i] == source)
			wc->source[i] = NULL;
	}
	ask(source, DATA_SOURCE_DESTROY, WL_MARSHAL_FLAG_DESTROY);
}

static const struct data_source_listener source_listener = {
	.send = on_send,
	.cancelled = on_source_cancelled,
};

static void offer(void *state, enum clipboard_selection selection, const char *const *types)
{
	struct wayland_clipboard *wc = state;
	const char *expanded[CLIPBOARD_MAX_TYPES + CLIPBOARD_MORE_TYPES];
	const size_t count = clipboard_expand(types, expanded);
	const bool primary = selection == CLIPBOARD_PRIMARY;
	struct wl_proxy *source = NULL, *before = wc->source[selection];

	if (!wc->device || (count == 0 && !before) ||
	    (primary && wl_proxy_get_version(wc->device) < wc->protocol->primary_since))
		return;
	if (count) {
		source = wl_proxy_marshal_flags(wc->manager, DATA_MANAGER_CREATE_SOURCE,
						wc->protocol->source,
						wl_proxy_get_version(wc->manager), 0, NULL);
		if (!source)
			return;
		hear(source, &source_listener, wc);
		for (size_t i = 0; i < count; i++)
			wl_proxy_marshal_flags(source, DATA_SOURCE_OFFER, NULL,
					       wl_proxy_get_version(source), 0, expanded[i]);
	}
	wc->source[selection] = source;
	wl_proxy_marshal_flags(
		wc->device, primary ? DATA_DEVICE_SET_PRIMARY_SELECTION : DATA_DEVICE_SET_SELECTION,
		NULL, wl_proxy_get_version(wc->device), 0, source);
	if (before)
		ask(before, DATA_SOURCE_DESTROY, WL_MARSHAL_FLAG_DESTROY);
}

/* --- Start and end -------------------------------------------------------------------------- */

static void on_global(void *owner, uint32_t name, const char *interface, uint32_t version)
{
	struct wayland_clipboard *wc = owner;
	const struct data_control *protocol = NULL;

	if (wc->manager)
		return; /* one seat, and what it began with */
	if (strcmp(interface, data_control_ext.manager->name) == 0)
		protocol = &data_control_ext;
	else if (strcmp(interface, data_control_wlr.manager->name) == 0 && !wc->protocol)
		protocol = &data_control_wlr;
	if (protocol) {
		wc->protocol = protocol;
		wc->manager_name = name;
		wc->manager_version = MIN(version, (uint32_t)protocol->manager->version);
	} else if (strcmp(interface, wl_seat_interface.name) == 0 && !wc->seat_name) {
		wc->seat_name = name;
	}
}

static void on_closed(void *owner, int error)
{
	struct wayland_clipboard *wc = owner;

	(void)error;
	wc->context->over(wc->context->owner);
}

static const struct wayland_handlers wayland_handlers = {.global = on_global, .closed = on_closed};

static int bind_all(struct wayland_clipboard *wc)
{
	if (!wc->protocol || !wc->seat_name)
		return -ENOTSUP;
	wc->manager = wayland_bind(wc->wayland, wc->manager_name, wc->protocol->manager,
				   wc->manager_version);
	wc->seat = wayland_bind(wc->wayland, wc->seat_name, &wl_seat_interface, 1);
	if (!wc->manager || !wc->seat)
		return -ENOMEM;
	wc->device =
		wl_proxy_marshal_flags(wc->manager, DATA_MANAGER_GET_DEVICE, wc->protocol->device,
				       wc->manager_version, 0, NULL, wc->seat);
	if (!wc->device)
		return -ENOMEM;
	hear(wc->device, &device_listener, wc);
	return 0;
}

static void stop(void *state)
{
	struct wayland_clipboard *wc = state;

	pipe_read_drop_all(&wc->reads);
	clear(wc);
	if (wc->seat)
		wl_seat_destroy(wc->seat);
	if (wc->manager)
		ask(wc->manager, DATA_MANAGER_DESTROY, WL_MARSHAL_FLAG_DESTROY);
	wayland_close(wc->wayland);
	free(wc);
}

static int start(const struct service_context *context, struct clipboard *clipboard, void **state)
{
	struct wayland_clipboard *wc;
	int error;

	if (context->environment->kind != ENVIRONMENT_WAYLAND)
		return -ENOTSUP;
	wc = calloc(1, sizeof(*wc));
	if (!wc)
		return -ENOMEM;
	wc->context = context;
	wc->clipboard = clipboard;
	error = wayland_open(context->loop, &wayland_handlers, wc, &wc->wayland);
	if (error) {
		free(wc);
		return error;
	}
	error = bind_all(wc);
	if (error) {
		stop(wc);
		return error;
	}
	*state = wc;
	return 0;
}

const struct clipboard_backend clipboard_wayland = {
	.name = "wayland",
	.start = start,
	.stop = stop,
	.offer = offer,
	.read = read_begin,
	.read_more = read_more,
	.read_cancel = read_cancel,
};

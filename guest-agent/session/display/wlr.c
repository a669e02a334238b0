/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wlr - compositors on wlroots and others with wlr-output-management: sway, labwc, wayfire
 *
 * The compositor tells of heads and modes, then "done" with a serial; a configuration is made for a
 * serial and is cancelled if another has come meanwhile, which is tried again. Sizes that a monitor
 * does not offer are custom modes.
 *
 * Sway is special. Of a monitor that offers modes it takes no custom one this way, but makes of it
 * the preferred one; since 1.10 it takes any by its own socket. Before that there is no way but a
 * replug, since monitors are read only when they are plugged in. Then it also calls a head off
 * whose mode is in no list; what clients are told of it is the truth.
 */
#include "guest-agent/session/display/sway.h"
#include "guest-agent/session/display/wlr_internal.h"
#include "guest-agent/session/wayland/output_heads.h"
#include "guest-agent/session/wayland/output_management.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_RECENT 4U /* of the manager, since wlroots 0.16 */

/* --- What the compositor tells -------------------------------------------------------------- */

static void on_head(void *data, struct wl_proxy *manager, struct wl_proxy *proxy)
{
	struct wlr *wlr = data;

	(void)manager;
	output_heads_add(&wlr->outputs, proxy);
}

static void on_done(void *data, struct wl_proxy *manager, uint32_t serial)
{
	struct wlr *wlr = data;

	(void)manager;
	wlr->serial = serial;
	display_changed(wlr->display);
	wlr_check_sway(wlr);
}

static void on_finished(void *data, struct wl_proxy *manager)
{
	struct wlr *wlr = data;

	(void)manager;
	wlr->context->over(wlr->context->owner);
}

static const struct output_manager_listener manager_listener = {
	.head = on_head,
	.done = on_done,
	.finished = on_finished,
};

static const struct head *find_by_name(const struct head_list *heads, const char *name)
{
	for (size_t i = 0; i < heads->count; i++) {
		if (strcmp(heads->heads[i].connector, name) == 0)
			return &heads->heads[i];
	}
	return NULL;
}

bool wlr_read(void *state, struct head_list *heads)
{
	struct wlr *wlr = state;
	struct head_list seen = {0};

	output_list_number(&wlr->outputs);
	outputs_read(wlr->clients_view, &seen);
	for (const struct output *output = wlr->outputs.first; output; output = output->next) {
		struct head *head = &heads->heads[heads->count];
		const struct head *is = find_by_name(&seen, output->name);

		if (output->head >= DISPLAY_MAX_HEADS)
			continue;
		output_describe(output, head);
		if (!head->enabled && is) {
			*head = *is;
			head->head = output->head;
		}
		heads->count++;
	}
	return false;
}

static void on_outputs_changed(void *owner)
{
	struct wlr *wlr = owner;

	if (!wlr->manager)
		return;
	display_changed(wlr->display);
	wlr_check_sway(wlr);
}

/* --- The connection ------------------------------------------------------------------------- */

static void on_global(void *owner, uint32_t name, const char *interface, uint32_t version)
{
	struct wlr *wlr = owner;

	outputs_global(wlr->clients_view, wlr->wayland, name, interface, version);
	if (wlr->manager || strcmp(interface, OUTPUT_MANAGER_NAME) != 0)
		return;
	wlr->version = version;
	wlr->manager = wayland_bind(wlr->wayland, name, &output_manager_interface,
				    MIN(version, OUTPUT_MANAGER_VERSION));
	if (wlr->manager)
		wl_proxy_add_listener(wlr->manager, (void (**)(void))(uintptr_t)&manager_listener,
				      wlr);
}

static void on_removed(void *owner, uint32_t name)
{
	const struct wlr *wlr = owner;

	outputs_removed(wlr->clients_view, name);
}

static void on_closed(void *owner, int error)
{
	struct wlr *wlr = owner;

	log_debug("the compositor hung up: %s", error_text(error));
	wlr->context->over(wlr->context->owner);
}

static const struct wayland_handlers wayland_handlers = {
	.global = on_global, .removed = on_removed, .closed = on_closed};

static void on_released(uv_handle_t *timer)
{
	free(timer);
}

static void wlr_stop(void *state)
{
	struct wlr *wlr = state;

	if (wlr->settled)
		wl_callback_destroy(wlr->settled);
	if (wlr->configuration)
		wl_proxy_destroy(wlr->configuration);
	output_list_clear(&wlr->outputs);
	if (wlr->manager)
		wl_proxy_destroy(wlr->manager);
	outputs_free(wlr->clients_view);
	wayland_close(wlr->wayland);
	if (wlr->sway)
		uv_close((uv_handle_t *)wlr->sway, on_released);
	free(wlr);
}

/* Of others than sway only the oldest give themselves away. */
static enum custom_modes learn_custom_modes(const struct wlr *wlr)
{
	struct sway_version version;
	int error = sway_version_get(wl_display_get_fd(wayland_display(wlr->wayland)), &version);

	if (error)
		return wlr->version >= VERSION_RECENT ? CUSTOM_MODES_WLR : CUSTOM_MODES_NONE;
	return version.major > 1 || version.minor >= 10 ? CUSTOM_MODES_SWAY : CUSTOM_MODES_NONE;
}

static int wlr_start(const struct service_context *context, struct display *display, void **state)
{
	struct wlr *wlr;
	int error;

	if (context->environment->kind != ENVIRONMENT_WAYLAND)
		return -ENOTSUP;
	wlr = calloc(1, sizeof(*wlr));
	if (!wlr)
		return -ENOMEM;
	wlr->context = context;
	wlr->display = display;
	wlr->clients_view = outputs_new(on_outputs_changed, wlr);
	wlr->sway = calloc(1, sizeof(*wlr->sway));
	if (!wlr->clients_view || !wlr->sway) {
		free(wlr->sway);
		outputs_free(wlr->clients_view);
		free(wlr);
		return -ENOMEM;
	}
	uv_timer_init(context->loop, wlr->sway);
	wlr->sway->data = wlr;
	error = wayland_open(context->loop, &wayland_handlers, wlr, &wlr->wayland);
	if (!error)
		error = wlr->manager ? wayland_roundtrip(wlr->wayland) : -ENOTSUP;
	if (error) {
		wlr_stop(wlr);
		return error;
	}
	wlr->custom_modes = learn_custom_modes(wlr);
	*state = wlr;
	return 0;
}

const struct display_backend display_wlr = {
	.name = "wlr",
	.start = wlr_start,
	.stop = wlr_stop,
	.read = wlr_read,
	.apply = wlr_apply,
};

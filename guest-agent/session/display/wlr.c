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
#include "guest-agent/session/display.h"
#include "guest-agent/session/display/plan.h"
#include "guest-agent/session/display/sway.h"
#include "guest-agent/session/wayland/connection.h"
#include "guest-agent/session/wayland/output_heads.h"
#include "guest-agent/session/wayland/output_management.h"
#include "guest-agent/session/wayland/outputs.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SWAY_MS	       2000
#define TRIES	       5
#define VERSION_RECENT 4U /* of the manager, since wlroots 0.16 */

enum custom_modes {
	CUSTOM_MODES_NONE,
	CUSTOM_MODES_SWAY, /* by sway's socket */
	CUSTOM_MODES_WLR,
};

struct wlr {
	const struct service_context *context;
	struct display *display;
	struct wayland *wayland;
	struct wl_proxy *manager;
	uint32_t version; /* as offered */
	struct outputs *clients_view;
	struct output_list outputs;
	uint32_t serial;
	struct wl_proxy *configuration; /* under way */
	struct wl_callback *settled;
	struct head_list wanted;
	unsigned int tries;
	enum custom_modes custom_modes; /* beside those that a monitor offers */
	uv_timer_t *sway;		/* runs until sway has done what it said it would */
};

/* --- What the compositor tells -------------------------------------------------------------- */

static void on_head(void *data, struct wl_proxy *manager, struct wl_proxy *proxy)
{
	struct wlr *wlr = data;

	(void)manager;
	output_heads_add(&wlr->outputs, proxy);
}

static void check_sway(struct wlr *wlr);

static void on_done(void *data, struct wl_proxy *manager, uint32_t serial)
{
	struct wlr *wlr = data;

	(void)manager;
	wlr->serial = serial;
	display_changed(wlr->display);
	check_sway(wlr);
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

static bool wlr_read(void *state, struct head_list *heads)
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
	check_sway(wlr);
}

/* --- What it shall do ----------------------------------------------------------------------- */

static void finish(struct wlr *wlr, int error, const char *text)
{
	if (wlr->configuration)
		wl_proxy_marshal_flags(wlr->configuration, OUTPUT_CONFIGURATION_DESTROY, NULL,
				       wl_proxy_get_version(wlr->configuration),
				       WL_MARSHAL_FLAG_DESTROY);
	wlr->configuration = NULL;
	display_applied(wlr->display, error, text);
}

static void on_settled(void *data, struct wl_callback *callback, uint32_t time)
{
	struct wlr *wlr = data;

	(void)time;
	wl_callback_destroy(callback);
	wlr->settled = NULL;
	finish(wlr, 0, NULL);
}

static const struct wl_callback_listener settled_listener = {on_settled};

/* What has become of it is told behind this. */
static void on_succeeded(void *data, struct wl_proxy *configuration)
{
	struct wlr *wlr = data;

	(void)configuration;
	wlr->settled = wl_display_sync(wayland_display(wlr->wayland));
	if (wlr->settled)
		wl_callback_add_listener(wlr->settled, &settled_listener, wlr);
	else
		finish(wlr, 0, NULL);
}

static void on_failed(void *data, struct wl_proxy *configuration)
{
	(void)configuration;
	finish(data, -EIO, "the compositor refuses it");
}

static void configure(struct wlr *wlr);

static void on_configuration_cancelled(void *data, struct wl_proxy *configuration)
{
	struct wlr *wlr = data;

	(void)configuration;
	if (++wlr->tries == TRIES) {
		finish(wlr, -EBUSY, "the compositor's outputs keep changing");
		return;
	}
	wl_proxy_marshal_flags(wlr->configuration, OUTPUT_CONFIGURATION_DESTROY, NULL,
			       wl_proxy_get_version(wlr->configuration), WL_MARSHAL_FLAG_DESTROY);
	configure(wlr);
}

static const struct output_configuration_listener configuration_listener = {
	.succeeded = on_succeeded,
	.failed = on_failed,
	.cancelled = on_configuration_cancelled,
};

static void enable(struct wlr *wlr, const struct output *output, const struct head *head)
{
	const uint32_t version = wl_proxy_get_version(wlr->configuration);
	const struct output_mode *mode = output_find_mode(output, head->width, head->height);
	struct wl_proxy *proxy = wl_proxy_marshal_flags(
		wlr->configuration, OUTPUT_CONFIGURATION_ENABLE_HEAD,
		&output_configuration_head_interface, version, 0, NULL, output->proxy);

	if (!proxy)
		return;
	if (mode)
		wl_proxy_marshal_flags(proxy, OUTPUT_CONFIGURATION_HEAD_SET_MODE, NULL, version, 0,
				       mode->proxy);
	else
		wl_proxy_marshal_flags(proxy, OUTPUT_CONFIGURATION_HEAD_SET_CUSTOM_MODE, NULL,
				       version, 0, (int32_t)head->width, (int32_t)head->height, 0);
	wl_proxy_marshal_flags(proxy, OUTPUT_CONFIGURATION_HEAD_SET_POSITION, NULL, version, 0,
			       head->x, head->y);
	if (head->scale_milli)
		wl_proxy_marshal_flags(proxy, OUTPUT_CONFIGURATION_HEAD_SET_SCALE, NULL, version, 0,
				       (wl_fixed_t)(head->scale_milli * 256 / 1000));
	wl_proxy_destroy(proxy); /* it has no destructor of its own */
}

/* Each head must be named in a configuration. */
static void configure(struct wlr *wlr)
{
	wlr->configuration = wl_proxy_marshal_flags(
		wlr->manager, OUTPUT_MANAGER_CREATE_CONFIGURATION, &output_configuration_interface,
		wl_proxy_get_version(wlr->manager), 0, NULL, wlr->serial);
	if (!wlr->configuration) {
		finish(wlr, -ENOMEM, NULL);
		return;
	}
	wl_proxy_add_listener(wlr->configuration,
			      (void (**)(void))(uintptr_t)&configuration_listener, wlr);
	for (const struct output *output = wlr->outputs.first; output; output = output->next) {
		const struct head *head = output_wanted(output, &wlr->wanted);

		if (head && head->enabled)
			enable(wlr, output, head);
		else
			wl_proxy_marshal_flags(
				wlr->configuration, OUTPUT_CONFIGURATION_DISABLE_HEAD, NULL,
				wl_proxy_get_version(wlr->configuration), 0, output->proxy);
	}
	wl_proxy_marshal_flags(wlr->configuration, OUTPUT_CONFIGURATION_APPLY, NULL,
			       wl_proxy_get_version(wlr->configuration), 0);
}

/* One that offers none is told to have one without a size. */
static bool has_modes(const struct output *output)
{
	for (const struct output_mode *mode = output->modes; mode; mode = mode->next) {
		if (mode->width)
			return true;
	}
	return false;
}

static bool needs_custom_modes(const struct wlr *wlr)
{
	for (const struct output *output = wlr->outputs.first; output; output = output->next) {
		const struct head *head = output_wanted(output, &wlr->wanted);

		if (head && head->enabled && has_modes(output) &&
		    !output_find_mode(output, head->width, head->height))
			return true;
	}
	return false;
}

static void check_sway(struct wlr *wlr)
{
	struct head_list heads = {0};

	if (!wlr->sway || !uv_is_active((const uv_handle_t *)wlr->sway))
		return;
	wlr_read(wlr, &heads);
	if (!plan_sizes_are_met(&heads, &wlr->wanted))
		return;
	uv_timer_stop(wlr->sway);
	finish(wlr, 0, NULL);
}

static void on_late(uv_timer_t *timer)
{
	finish(timer->data, -EIO, "sway has not done what it said it would");
}

/* Sway says yes and does it some milliseconds later: that is seen in on_done(). */
static void ask_sway(struct wlr *wlr)
{
	int error = sway_configure(wl_display_get_fd(wayland_display(wlr->wayland)), &wlr->wanted);

	if (error)
		finish(wlr, error, "sway refuses it");
	else
		uv_timer_start(wlr->sway, on_late, SWAY_MS, 0);
}

static void wlr_apply(void *state, const struct head_list *heads)
{
	struct wlr *wlr = state;

	uv_timer_stop(wlr->sway);
	wlr->wanted = *heads;
	wlr->tries = 0;
	if (wlr->custom_modes == CUSTOM_MODES_WLR || !needs_custom_modes(wlr))
		configure(wlr);
	else if (wlr->custom_modes == CUSTOM_MODES_SWAY)
		ask_sway(wlr);
	else
		display_applied(wlr->display, -EAGAIN, "replug");
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

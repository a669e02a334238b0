/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A configuration names all heads. It is made for a serial of the compositor's and is cancelled if
 * another has come meanwhile; that is tried again.
 */
#include "guest-agent/session/display/plan.h"
#include "guest-agent/session/display/sway.h"
#include "guest-agent/session/display/wlr_internal.h"
#include "guest-agent/session/wayland/output_management.h"

#include <errno.h>

#define SWAY_MS 2000
#define TRIES	5

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

void wlr_check_sway(struct wlr *wlr)
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

void wlr_apply(void *state, const struct head_list *heads)
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wlr - compositors on wlroots and others with wlr-output-management: sway, labwc, wayfire
 *
 * The compositor tells of heads and modes, then "done" with a serial; a configuration is made for a
 * serial and is cancelled if another has come meanwhile, which is tried again. Sizes that a monitor
 * does not offer are custom modes. wlroots before 0.18 rounds their width to a multiple of 8, and
 * sway dies of a mode that is not the one it asked for: there such a size is a case for a replug.
 * They also call a head off whose mode is in no list; what clients are told of it is the truth.
 */
#include "guest-agent/session/display.h"
#include "guest-agent/session/display/sway_version.h"
#include "guest-agent/session/wayland/connection.h"
#include "guest-agent/session/wayland/output_management.h"
#include "guest-agent/session/wayland/outputs.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_HEAD	       UINT_MAX
#define TRIES	       5
#define VERSION_RECENT 4U /* of the manager, since wlroots 0.16 */

struct mode {
	struct mode *next;
	struct wl_proxy *proxy;
	uint32_t width, height;
};

struct output {
	struct output *next;
	struct wlr *wlr;
	struct wl_proxy *proxy;
	struct mode *modes;
	const struct mode *current; /* NULL: not one of them */
	char name[32];
	unsigned int head; /* NO_HEAD: not named yet */
	bool enabled;
	int32_t x, y;
	uint32_t scale_milli;
};

struct wlr {
	const struct session_context *context;
	struct display *display;
	struct wayland *wayland;
	struct wl_proxy *manager;
	uint32_t version; /* as offered */
	struct outputs *clients_view;
	struct output *outputs;
	uint32_t serial;
	struct wl_proxy *configuration; /* under way */
	struct wl_callback *settled;
	struct head_list wanted;
	unsigned int tries;
	bool odd_widths; /* custom modes of any width */
};

/* --- What the compositor tells -------------------------------------------------------------- */

static void mode_free(struct output *output, struct mode *mode)
{
	for (struct mode **place = &output->modes; *place; place = &(*place)->next) {
		if (*place == mode) {
			*place = mode->next;
			break;
		}
	}
	if (output->current == mode)
		output->current = NULL;
	wl_proxy_destroy(mode->proxy);
	free(mode);
}

static void output_free(struct output *output)
{
	for (struct output **place = &output->wlr->outputs; *place; place = &(*place)->next) {
		if (*place == output) {
			*place = output->next;
			break;
		}
	}
	while (output->modes)
		mode_free(output, output->modes);
	wl_proxy_destroy(output->proxy);
	free(output);
}

static void on_mode_size(void *data, struct wl_proxy *proxy, int32_t width, int32_t height)
{
	struct output *output = data;

	for (struct mode *mode = output->modes; mode; mode = mode->next) {
		if (mode->proxy != proxy)
			continue;
		mode->width = (uint32_t)MAX(width, 0);
		mode->height = (uint32_t)MAX(height, 0);
	}
}

static void on_mode_finished(void *data, struct wl_proxy *proxy)
{
	struct output *output = data;

	for (struct mode *mode = output->modes; mode; mode = mode->next) {
		if (mode->proxy == proxy) {
			mode_free(output, mode);
			return;
		}
	}
}

static void on_mode_refresh(void *data, struct wl_proxy *proxy, int32_t refresh)
{
	(void)data;
	(void)proxy;
	(void)refresh;
}

static void on_mode_preferred(void *data, struct wl_proxy *proxy)
{
	(void)data;
	(void)proxy;
}

static const struct output_mode_listener mode_listener = {
	.size = on_mode_size,
	.refresh = on_mode_refresh,
	.preferred = on_mode_preferred,
	.finished = on_mode_finished,
};

static void on_head_mode(void *data, struct wl_proxy *proxy, struct wl_proxy *mode_proxy)
{
	struct output *output = data;
	struct mode *mode = calloc(1, sizeof(*mode));

	(void)proxy;
	if (!mode) {
		wl_proxy_destroy(mode_proxy);
		return;
	}
	mode->proxy = mode_proxy;
	mode->next = output->modes;
	output->modes = mode;
	wl_proxy_add_listener(mode_proxy, (void (**)(void))(uintptr_t)&mode_listener, output);
}

static void on_head_name(void *data, struct wl_proxy *proxy, const char *name)
{
	struct output *output = data;

	(void)proxy;
	snprintf(output->name, sizeof(output->name), "%s", name);
}

static void on_head_enabled(void *data, struct wl_proxy *proxy, int32_t enabled)
{
	struct output *output = data;

	(void)proxy;
	output->enabled = enabled;
}

static void on_head_current_mode(void *data, struct wl_proxy *proxy, struct wl_proxy *current)
{
	struct output *output = data;

	(void)proxy;
	output->current = NULL;
	for (const struct mode *mode = output->modes; mode; mode = mode->next) {
		if (mode->proxy == current)
			output->current = mode;
	}
}

static void on_head_position(void *data, struct wl_proxy *proxy, int32_t x, int32_t y)
{
	struct output *output = data;

	(void)proxy;
	output->x = x;
	output->y = y;
}

static void on_head_scale(void *data, struct wl_proxy *proxy, wl_fixed_t scale)
{
	struct output *output = data;

	(void)proxy;
	output->scale_milli = scale > 0 ? (uint32_t)((int64_t)scale * 1000 / 256) : 1000;
}

static void on_head_finished(void *data, struct wl_proxy *proxy)
{
	(void)proxy;
	output_free(data);
}

static void on_head_text(void *data, struct wl_proxy *proxy, const char *text)
{
	(void)data;
	(void)proxy;
	(void)text;
}

static void on_head_size(void *data, struct wl_proxy *proxy, int32_t width, int32_t height)
{
	(void)data;
	(void)proxy;
	(void)width;
	(void)height;
}

static void on_head_transform(void *data, struct wl_proxy *proxy, int32_t transform)
{
	(void)data;
	(void)proxy;
	(void)transform;
}

static const struct output_head_listener head_listener = {
	.name = on_head_name,
	.description = on_head_text,
	.physical_size = on_head_size,
	.mode = on_head_mode,
	.enabled = on_head_enabled,
	.current_mode = on_head_current_mode,
	.position = on_head_position,
	.transform = on_head_transform,
	.scale = on_head_scale,
	.finished = on_head_finished,
	.make = on_head_text,
	.model = on_head_text,
	.serial_number = on_head_text,
};

static void on_head(void *data, struct wl_proxy *manager, struct wl_proxy *proxy)
{
	struct wlr *wlr = data;
	struct output *output = calloc(1, sizeof(*output)), **last = &wlr->outputs;

	(void)manager;
	if (!output) {
		wl_proxy_destroy(proxy);
		return;
	}
	*output = (struct output){.wlr = wlr, .proxy = proxy, .head = NO_HEAD, .scale_milli = 1000};
	while (*last)
		last = &(*last)->next;
	*last = output;
	wl_proxy_add_listener(proxy, (void (**)(void))(uintptr_t)&head_listener, output);
}

static void on_done(void *data, struct wl_proxy *manager, uint32_t serial)
{
	struct wlr *wlr = data;

	(void)manager;
	wlr->serial = serial;
	display_changed(wlr->display);
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

static bool is_taken(const struct wlr *wlr, unsigned int head)
{
	const struct output *output = wlr->outputs;

	while (output && output->head != head)
		output = output->next;
	return output != NULL;
}

/* By its name; where another has that number, the first that is free. */
static void number_heads(const struct wlr *wlr)
{
	unsigned int place = 0;

	for (struct output *output = wlr->outputs; output; output = output->next, place++) {
		unsigned int head = head_of_connector(output->name, place);

		if (output->head != NO_HEAD || !output->name[0])
			continue;
		if (is_taken(wlr, head)) {
			for (head = 0; is_taken(wlr, head); head++)
				;
		}
		output->head = head;
	}
}

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
	const struct wlr *wlr = state;
	struct head_list seen = {0};

	number_heads(wlr);
	outputs_read(wlr->clients_view, &seen);
	for (const struct output *output = wlr->outputs; output && heads->count < DISPLAY_MAX_HEADS;
	     output = output->next) {
		struct head *head = &heads->heads[heads->count];
		const struct head *is = find_by_name(&seen, output->name);

		if (output->head >= DISPLAY_MAX_HEADS)
			continue;
		*head = (struct head){.head = output->head};
		if (output->enabled && output->current && output->current->width) {
			head->enabled = true;
			head->x = output->x;
			head->y = output->y;
			head->width = output->current->width;
			head->height = output->current->height;
			head->scale_milli = output->scale_milli;
		} else if (is) {
			*head = *is;
			head->head = output->head;
		}
		memcpy(head->connector, output->name, sizeof(head->connector));
		heads->count++;
	}
	return false;
}

static void on_outputs_changed(void *owner)
{
	const struct wlr *wlr = owner;

	if (wlr->manager)
		display_changed(wlr->display);
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

static const struct mode *find_mode(const struct output *output, uint32_t width, uint32_t height)
{
	for (const struct mode *mode = output->modes; mode; mode = mode->next) {
		if (mode->width == width && mode->height == height)
			return mode;
	}
	return NULL;
}

static void enable(struct wlr *wlr, const struct output *output, const struct head *head)
{
	const uint32_t version = wl_proxy_get_version(wlr->configuration);
	const struct mode *mode = find_mode(output, head->width, head->height);
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

static const struct head *wanted_of(const struct wlr *wlr, const struct output *output)
{
	return head_list_find(&wlr->wanted, output->head);
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
	for (const struct output *output = wlr->outputs; output; output = output->next) {
		const struct head *head = wanted_of(wlr, output);

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

static bool needs_replug(const struct wlr *wlr)
{
	for (const struct output *output = wlr->outputs; output; output = output->next) {
		const struct head *head = wanted_of(wlr, output);

		if (head && head->enabled && head->width % 8 &&
		    !find_mode(output, head->width, head->height))
			return !wlr->odd_widths;
	}
	return false;
}

static void wlr_apply(void *state, const struct head_list *heads)
{
	struct wlr *wlr = state;

	wlr->wanted = *heads;
	wlr->tries = 0;
	if (needs_replug(wlr))
		display_applied(wlr->display, -EAGAIN, "replug");
	else
		configure(wlr);
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

static void wlr_stop(void *state)
{
	struct wlr *wlr = state;

	if (wlr->settled)
		wl_callback_destroy(wlr->settled);
	if (wlr->configuration)
		wl_proxy_destroy(wlr->configuration);
	while (wlr->outputs)
		output_free(wlr->outputs);
	if (wlr->manager)
		wl_proxy_destroy(wlr->manager);
	outputs_free(wlr->clients_view);
	wayland_close(wlr->wayland);
	free(wlr);
}

/* wlroots 0.18 is in sway since 1.10; of others only the oldest give themselves away. */
static bool takes_odd_widths(const struct wlr *wlr)
{
	struct sway_version version;
	int error = sway_version_get(wl_display_get_fd(wayland_display(wlr->wayland)), &version);

	if (error)
		return wlr->version >= VERSION_RECENT;
	return version.major > 1 || (version.major == 1 && version.minor >= 10);
}

static int wlr_start(const struct session_context *context, struct display *display, void **state)
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
	if (!wlr->clients_view) {
		free(wlr);
		return -ENOMEM;
	}
	error = wayland_open(context->loop, &wayland_handlers, wlr, &wlr->wayland);
	if (!error)
		error = wlr->manager ? wayland_roundtrip(wlr->wayland) : -ENOTSUP;
	if (error) {
		wlr_stop(wlr);
		return error;
	}
	wlr->odd_widths = takes_odd_widths(wlr);
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

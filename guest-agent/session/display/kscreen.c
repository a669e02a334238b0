/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kscreen - KDE Plasma on Wayland, by KWin's kde-output-management-v2
 *
 * KWin reads monitors anew and takes their preferred mode, unless it remembers another for that set
 * of monitors. Modes are those that monitors offer. Plasma 5 calls one output the primary one;
 * Plasma 6 gives them an order, of which the first is that.
 */
#include "guest-agent/session/display.h"
#include "guest-agent/session/wayland/connection.h"
#include "guest-agent/session/wayland/kde_devices.h"
#include "guest-agent/session/wayland/kde_outputs.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kscreen {
	const struct service_context *context;
	struct display *display;
	struct wayland *wayland;
	struct wl_proxy *management;
	struct wl_proxy *registry; /* of devices, since KWin 6.7; NULL: they are globals */
	struct wl_proxy *primary_proxy, *order;
	bool order_begun;
	char primary[32];
	struct output_list outputs;
	struct wl_proxy *configuration; /* under way */
	struct wl_callback *settled;
};

/* --- What the compositor tells -------------------------------------------------------------- */

static void set_primary(struct kscreen *kscreen, const char *name)
{
	snprintf(kscreen->primary, sizeof(kscreen->primary), "%s", name);
	display_changed(kscreen->display);
}

static void on_primary(void *data, struct wl_proxy *proxy, const char *name)
{
	(void)proxy;
	set_primary(data, name);
}

static const struct kde_primary_listener primary_listener = {on_primary};

static void on_order_output(void *data, struct wl_proxy *proxy, const char *name)
{
	struct kscreen *kscreen = data;

	(void)proxy;
	if (!kscreen->order_begun)
		set_primary(kscreen, name);
	kscreen->order_begun = true;
}

static void on_order_done(void *data, struct wl_proxy *proxy)
{
	struct kscreen *kscreen = data;

	(void)proxy;
	kscreen->order_begun = false;
}

static const struct kde_order_listener order_listener = {on_order_output, on_order_done};

static bool kscreen_read(void *state, struct head_list *heads)
{
	struct kscreen *kscreen = state;

	output_list_number(&kscreen->outputs);
	for (const struct output *output = kscreen->outputs.first; output; output = output->next) {
		struct head *head = &heads->heads[heads->count];

		if (output->head >= DISPLAY_MAX_HEADS)
			continue;
		output_describe(output, head);
		head->primary = head->enabled && strcmp(output->name, kscreen->primary) == 0;
		heads->count++;
	}
	return false;
}

/* --- What it shall do ----------------------------------------------------------------------- */

static void finish(struct kscreen *kscreen, int error, const char *text)
{
	if (kscreen->configuration)
		wl_proxy_marshal_flags(kscreen->configuration, KDE_CONFIGURATION_DESTROY, NULL,
				       wl_proxy_get_version(kscreen->configuration),
				       WL_MARSHAL_FLAG_DESTROY);
	kscreen->configuration = NULL;
	display_applied(kscreen->display, error, text);
}

static void on_settled(void *data, struct wl_callback *callback, uint32_t time)
{
	struct kscreen *kscreen = data;

	(void)time;
	wl_callback_destroy(callback);
	kscreen->settled = NULL;
	finish(kscreen, 0, NULL);
}

static const struct wl_callback_listener settled_listener = {on_settled};

/* Outputs have told what they are now; which is the primary one is told behind this. */
static void on_applied(void *data, struct wl_proxy *configuration)
{
	struct kscreen *kscreen = data;

	(void)configuration;
	kscreen->settled = wl_display_sync(wayland_display(kscreen->wayland));
	if (kscreen->settled)
		wl_callback_add_listener(kscreen->settled, &settled_listener, kscreen);
	else
		finish(kscreen, 0, NULL);
}

static void on_failed(void *data, struct wl_proxy *configuration)
{
	(void)configuration;
	finish(data, -EIO, "the compositor refuses it");
}

static const struct kde_configuration_listener configuration_listener = {
	.applied = on_applied,
	.failed = on_failed,
};

/* @priority: among those that are on; 1 is the primary one. */
static void configure(const struct kscreen *kscreen, const struct output *output,
		      const struct head *head, uint32_t priority)
{
	struct wl_proxy *configuration = kscreen->configuration;
	const uint32_t version = wl_proxy_get_version(configuration);

	wl_proxy_marshal_flags(configuration, KDE_CONFIGURATION_ENABLE, NULL, version, 0,
			       output->proxy, head->enabled ? 1 : 0);
	if (version >= 3)
		wl_proxy_marshal_flags(configuration, KDE_CONFIGURATION_SET_PRIORITY, NULL, version,
				       0, output->proxy, priority);
	if (!head->enabled)
		return;
	wl_proxy_marshal_flags(configuration, KDE_CONFIGURATION_MODE, NULL, version, 0,
			       output->proxy,
			       output_find_mode(output, head->width, head->height)->proxy);
	wl_proxy_marshal_flags(configuration, KDE_CONFIGURATION_POSITION, NULL, version, 0,
			       output->proxy, head->x, head->y);
	if (head->scale_milli)
		wl_proxy_marshal_flags(configuration, KDE_CONFIGURATION_SCALE, NULL, version, 0,
				       output->proxy, (wl_fixed_t)(head->scale_milli * 256 / 1000));
	if (head->primary && version == 2)
		wl_proxy_marshal_flags(configuration, KDE_CONFIGURATION_SET_PRIMARY_OUTPUT, NULL,
				       version, 0, output->proxy);
}

static void kscreen_apply(void *state, const struct head_list *heads)
{
	struct kscreen *kscreen = state;
	uint32_t next = 2;

	for (const struct output *output = kscreen->outputs.first; output; output = output->next) {
		const struct head *head = output_wanted(output, heads);

		if (head && head->enabled && !output_find_mode(output, head->width, head->height)) {
			/* It has not read the monitor. */
			display_applied(kscreen->display, -EAGAIN, "replug");
			return;
		}
	}
	kscreen->configuration = wl_proxy_marshal_flags(
		kscreen->management, KDE_MANAGEMENT_CREATE_CONFIGURATION,
		&kde_configuration_interface, wl_proxy_get_version(kscreen->management), 0, NULL);
	if (!kscreen->configuration) {
		finish(kscreen, -ENOMEM, NULL);
		return;
	}
	wl_proxy_add_listener(kscreen->configuration,
			      (void (**)(void))(uintptr_t)&configuration_listener, kscreen);
	for (const struct output *output = kscreen->outputs.first; output; output = output->next) {
		const struct head *head = output_wanted(output, heads);

		if (!head)
			continue;
		if (!head->enabled)
			configure(kscreen, output, head, 0);
		else
			configure(kscreen, output, head, head->primary ? 1 : next++);
	}
	wl_proxy_marshal_flags(kscreen->configuration, KDE_CONFIGURATION_APPLY, NULL,
			       wl_proxy_get_version(kscreen->configuration), 0);
}

/* --- The connection ------------------------------------------------------------------------- */

static void add_output(struct kscreen *kscreen, uint32_t name, uint32_t version)
{
	struct wl_proxy *proxy = wayland_bind(kscreen->wayland, name, &kde_device_interface,
					      MIN(version, KDE_DEVICE_VERSION));

	if (proxy)
		kde_devices_add(&kscreen->outputs, proxy, name);
}

static void on_finished(void *data, struct wl_proxy *registry)
{
	(void)data;
	(void)registry;
}

static void on_device(void *data, struct wl_proxy *registry, struct wl_proxy *device)
{
	struct kscreen *kscreen = data;

	(void)registry;
	kde_devices_add(&kscreen->outputs, device, 0);
}

static const struct kde_registry_listener registry_listener = {on_finished, on_device};

/* One with less is a fault there. */
static void bind_registry(struct kscreen *kscreen, uint32_t name, uint32_t version)
{
	if (version < KDE_REGISTRY_VERSION)
		return;
	kscreen->registry =
		wayland_bind(kscreen->wayland, name, &kde_registry_interface, KDE_REGISTRY_VERSION);
	if (kscreen->registry)
		wl_proxy_add_listener(kscreen->registry,
				      (void (**)(void))(uintptr_t)&registry_listener, kscreen);
}

static void on_outputs_changed(void *owner)
{
	const struct kscreen *kscreen = owner;

	display_changed(kscreen->display);
}

static void on_global(void *owner, uint32_t name, const char *interface, uint32_t version)
{
	struct kscreen *kscreen = owner;

	/* Whichever is first: each tells of all. */
	if (strcmp(interface, KDE_DEVICE_NAME) == 0 && !kscreen->registry) {
		add_output(kscreen, name, version);
	} else if (strcmp(interface, KDE_REGISTRY_NAME) == 0 && !kscreen->outputs.first) {
		bind_registry(kscreen, name, version);
	} else if (strcmp(interface, KDE_MANAGEMENT_NAME) == 0 && !kscreen->management) {
		kscreen->management =
			wayland_bind(kscreen->wayland, name, &kde_management_interface,
				     MIN(version, KDE_MANAGEMENT_VERSION));
	} else if (strcmp(interface, KDE_PRIMARY_NAME) == 0 && !kscreen->primary_proxy) {
		kscreen->primary_proxy =
			wayland_bind(kscreen->wayland, name, &kde_primary_interface, 1);
		if (kscreen->primary_proxy)
			wl_proxy_add_listener(kscreen->primary_proxy,
					      (void (**)(void))(uintptr_t)&primary_listener,
					      kscreen);
	} else if (strcmp(interface, KDE_ORDER_NAME) == 0 && !kscreen->order) {
		kscreen->order = wayland_bind(kscreen->wayland, name, &kde_order_interface, 1);
		if (kscreen->order)
			wl_proxy_add_listener(kscreen->order,
					      (void (**)(void))(uintptr_t)&order_listener, kscreen);
	}
}

static void on_removed(void *owner, uint32_t name)
{
	struct kscreen *kscreen = owner;
	struct output *output = kscreen->outputs.first;

	while (output && output->global != name)
		output = output->next;
	if (!output)
		return;
	output_list_remove(output);
	display_changed(kscreen->display);
}

static void on_closed(void *owner, int error)
{
	struct kscreen *kscreen = owner;

	log_debug("the compositor hung up: %s", error_text(error));
	kscreen->context->over(kscreen->context->owner);
}

static const struct wayland_handlers wayland_handlers = {
	.global = on_global,
	.removed = on_removed,
	.closed = on_closed,
};

static void kscreen_stop(void *state)
{
	struct kscreen *kscreen = state;

	if (kscreen->settled)
		wl_callback_destroy(kscreen->settled);
	if (kscreen->configuration)
		wl_proxy_destroy(kscreen->configuration);
	output_list_clear(&kscreen->outputs);
	if (kscreen->registry)
		wl_proxy_destroy(kscreen->registry);
	if (kscreen->management)
		wl_proxy_destroy(kscreen->management);
	if (kscreen->primary_proxy)
		wl_proxy_destroy(kscreen->primary_proxy);
	if (kscreen->order)
		wl_proxy_destroy(kscreen->order);
	wayland_close(kscreen->wayland);
	free(kscreen);
}

static int kscreen_start(const struct service_context *context, struct display *display,
			 void **state)
{
	struct kscreen *kscreen;
	int error;

	if (context->environment->kind != ENVIRONMENT_WAYLAND)
		return -ENOTSUP;
	kscreen = calloc(1, sizeof(*kscreen));
	if (!kscreen)
		return -ENOMEM;
	kscreen->context = context;
	kscreen->display = display;
	kscreen->outputs.owner = kscreen;
	kscreen->outputs.changed = on_outputs_changed;
	error = wayland_open(context->loop, &wayland_handlers, kscreen, &kscreen->wayland);
	if (!error && !kscreen->management)
		error = -ENOTSUP;
	/* Devices tell themselves, then their modes. */
	if (!error)
		error = wayland_roundtrip(kscreen->wayland);
	/* What clients are told of wl_output is more than that. */
	if (!error && !kscreen->outputs.first)
		error = -ENOTSUP;
	if (error) {
		kscreen_stop(kscreen);
		return error;
	}
	*state = kscreen;
	return 0;
}

const struct display_backend display_kscreen = {
	.name = "kscreen",
	.start = kscreen_start,
	.stop = kscreen_stop,
	.read = kscreen_read,
	.apply = kscreen_apply,
	.has_primary = true,
	.grace_ms = 300,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/wayland/kde_devices.h"

#include "guest-agent/session/wayland/kde_outputs.h"

#include <stdio.h>

static void on_number(void *data, struct wl_proxy *proxy, uint32_t number)
{
	(void)data;
	(void)proxy;
	(void)number;
}

static const struct kde_mode_listener mode_listener = {
	.size = output_mode_size,
	.refresh = output_mode_refresh,
	.preferred = output_mode_preferred,
	.removed = output_mode_gone,
	.flags = on_number,
};

static void on_mode(void *data, struct wl_proxy *device, struct wl_proxy *proxy)
{
	struct output *output = data;

	(void)device;
	if (output_add_mode(output, proxy))
		wl_proxy_add_listener(proxy, (void (**)(void))(uintptr_t)&mode_listener, output);
}

static void on_current_mode(void *data, struct wl_proxy *device, struct wl_proxy *proxy)
{
	struct output *output = data;

	(void)device;
	output->current = output_mode_of(output, proxy);
}

static void on_geometry(void *data, struct wl_proxy *device, int32_t x, int32_t y, int32_t width_mm,
			int32_t height_mm, int32_t subpixel, const char *make, const char *model,
			int32_t transform)
{
	struct output *output = data;

	(void)device;
	(void)width_mm;
	(void)height_mm;
	(void)subpixel;
	(void)make;
	(void)model;
	(void)transform;
	output->x = x;
	output->y = y;
}

static void on_done(void *data, struct wl_proxy *device)
{
	const struct output *output = data;

	(void)device;
	output->list->changed(output->list->owner);
}

static void on_scale(void *data, struct wl_proxy *device, wl_fixed_t factor)
{
	struct output *output = data;

	(void)device;
	output->scale_milli = factor > 0 ? (uint32_t)((int64_t)factor * 1000 / 256) : 1000;
}

static void on_enabled(void *data, struct wl_proxy *device, int32_t enabled)
{
	struct output *output = data;

	(void)device;
	output->enabled = enabled;
}

static void on_name(void *data, struct wl_proxy *device, const char *name)
{
	struct output *output = data;

	(void)device;
	snprintf(output->name, sizeof(output->name), "%s", name);
}

static void on_text(void *data, struct wl_proxy *device, const char *text)
{
	(void)data;
	(void)device;
	(void)text;
}

static void on_two_numbers(void *data, struct wl_proxy *device, uint32_t first, uint32_t second)
{
	(void)data;
	(void)device;
	(void)first;
	(void)second;
}

static void on_brightness(void *data, struct wl_proxy *device, uint32_t peak, uint32_t average,
			  uint32_t minimum)
{
	(void)data;
	(void)device;
	(void)peak;
	(void)average;
	(void)minimum;
}

static void on_overrides(void *data, struct wl_proxy *device, int32_t peak, int32_t average,
			 int32_t minimum)
{
	(void)data;
	(void)device;
	(void)peak;
	(void)average;
	(void)minimum;
}

/* A device of the registry's; the compositor waits for its release. */
static void on_removed(void *data, struct wl_proxy *device)
{
	struct output *output = data;
	struct output_list *list = output->list;

	wl_proxy_marshal_flags(device, KDE_DEVICE_RELEASE, NULL, wl_proxy_get_version(device), 0);
	output_list_remove(output);
	list->changed(list->owner);
}

static const struct kde_device_listener device_listener = {
	.geometry = on_geometry,
	.current_mode = on_current_mode,
	.mode = on_mode,
	.done = on_done,
	.scale = on_scale,
	.edid = on_text,
	.enabled = on_enabled,
	.uuid = on_text,
	.serial_number = on_text,
	.eisa_id = on_text,
	.capabilities = on_number,
	.overscan = on_number,
	.vrr_policy = on_number,
	.rgb_range = on_number,
	.name = on_name,
	.high_dynamic_range = on_number,
	.sdr_brightness = on_number,
	.wide_color_gamut = on_number,
	.auto_rotate_policy = on_number,
	.icc_profile_path = on_text,
	.brightness_metadata = on_brightness,
	.brightness_overrides = on_overrides,
	.sdr_gamut_wideness = on_number,
	.color_profile_source = on_number,
	.brightness = on_number,
	.color_power_tradeoff = on_number,
	.dimming = on_number,
	.replication_source = on_text,
	.ddc_ci_allowed = on_number,
	.max_bits_per_color = on_number,
	.max_bits_per_color_range = on_two_numbers,
	.automatic_max_bits_per_color_limit = on_number,
	.edr_policy = on_number,
	.sharpness = on_number,
	.priority = on_number,
	.auto_brightness = on_number,
	.removed = on_removed,
};

void kde_devices_add(struct output_list *list, struct wl_proxy *proxy, uint32_t global)
{
	struct output *output = output_list_add(list, proxy);

	if (!output)
		return;
	output->global = global;
	wl_proxy_add_listener(proxy, (void (**)(void))(uintptr_t)&device_listener, output);
}

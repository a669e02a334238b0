/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/wayland/output_heads.h"

#include "guest-agent/session/wayland/output_management.h"

#include <stdio.h>

static const struct output_mode_listener mode_listener = {
	.size = output_mode_size,
	.refresh = output_mode_refresh,
	.preferred = output_mode_preferred,
	.finished = output_mode_gone,
};

static void on_head_mode(void *data, struct wl_proxy *proxy, struct wl_proxy *mode_proxy)
{
	struct output *output = data;

	(void)proxy;
	if (output_add_mode(output, mode_proxy))
		wl_proxy_add_listener(mode_proxy, (void (**)(void))(uintptr_t)&mode_listener,
				      output);
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
	output->current = output_mode_of(output, current);
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
	output_list_remove(data);
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

void output_heads_add(struct output_list *list, struct wl_proxy *proxy)
{
	struct output *output = output_list_add(list, proxy);

	if (output)
		wl_proxy_add_listener(proxy, (void (**)(void))(uintptr_t)&head_listener, output);
}

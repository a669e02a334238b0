/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/wayland/outputs.h"

#include "protocol/base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XDG_OUTPUT_MANAGER "zxdg_output_manager_v1"
#define XDG_OUTPUT_VERSION 2U
#define WL_OUTPUT_VERSION  4U

/* --- Tables of xdg-output-unstable-v1 up to version 2 --------------------------------------- */

enum { XDG_OUTPUT_MANAGER_DESTROY, XDG_OUTPUT_MANAGER_GET_XDG_OUTPUT };
enum { XDG_OUTPUT_DESTROY };

static const struct wl_interface xdg_output_interface;

static const struct wl_interface *no_objects[] = {NULL, NULL};
static const struct wl_interface *get_types[] = {&xdg_output_interface, &wl_output_interface};

static const struct wl_message xdg_manager_requests[] = {
	{"destroy", "", no_objects},
	{"get_xdg_output", "no", get_types},
};

static const struct wl_interface xdg_output_manager_interface = {
	XDG_OUTPUT_MANAGER, XDG_OUTPUT_VERSION, 2, xdg_manager_requests, 0, NULL,
};

static const struct wl_message xdg_output_requests[] = {
	{"destroy", "", no_objects},
};

static const struct wl_message xdg_output_events[] = {
	{"logical_position", "ii", no_objects},
	{"logical_size", "ii", no_objects},
	{"done", "", no_objects},
	{"name", "2s", no_objects},
	{"description", "2s", no_objects},
};

static const struct wl_interface xdg_output_interface = {
	"zxdg_output_v1", XDG_OUTPUT_VERSION, 1, xdg_output_requests, 5, xdg_output_events,
};

struct xdg_output_listener {
	void (*logical_position)(void *data, struct wl_proxy *xdg, int32_t x, int32_t y);
	void (*logical_size)(void *data, struct wl_proxy *xdg, int32_t width, int32_t height);
	void (*done)(void *data, struct wl_proxy *xdg);
	void (*name)(void *data, struct wl_proxy *xdg, const char *name);
	void (*description)(void *data, struct wl_proxy *xdg, const char *description);
};

/* -------------------------------------------------------------------------------------------- */

struct output {
	struct output *next;
	struct outputs *outputs;
	uint32_t global;
	struct wl_output *proxy;
	struct wl_proxy *xdg; /* NULL: no xdg-output */
	unsigned int place;
	char name[32];
	int32_t x, y, width, height, scale;
	int32_t logical_width; /* 0: not told */
	bool logical_place;
};

struct outputs {
	void (*changed)(void *owner);
	void *owner;
	struct output *list;
	unsigned int count;
	struct wl_proxy *manager;
};

static void tell(const struct outputs *outputs)
{
	outputs->changed(outputs->owner);
}

static void on_geometry(void *data, struct wl_output *proxy, int32_t x, int32_t y, int32_t width_mm,
			int32_t height_mm, int32_t subpixel, const char *make, const char *model,
			int32_t transform)
{
	struct output *output = data;

	(void)proxy;
	(void)width_mm;
	(void)height_mm;
	(void)subpixel;
	(void)make;
	(void)model;
	(void)transform;
	if (output->logical_place)
		return;
	output->x = x;
	output->y = y;
}

static void on_mode(void *data, struct wl_output *proxy, uint32_t flags, int32_t width,
		    int32_t height, int32_t refresh)
{
	struct output *output = data;

	(void)proxy;
	(void)refresh;
	if (!(flags & WL_OUTPUT_MODE_CURRENT))
		return;
	output->width = width;
	output->height = height;
}

static void on_done(void *data, struct wl_output *proxy)
{
	const struct output *output = data;

	(void)proxy;
	tell(output->outputs);
}

static void on_scale(void *data, struct wl_output *proxy, int32_t scale)
{
	struct output *output = data;

	(void)proxy;
	output->scale = scale;
}

static void on_name(void *data, struct wl_output *proxy, const char *name)
{
	struct output *output = data;

	(void)proxy;
	snprintf(output->name, sizeof(output->name), "%s", name);
}

static void on_description(void *data, struct wl_output *proxy, const char *description)
{
	(void)data;
	(void)proxy;
	(void)description;
}

static const struct wl_output_listener output_listener = {
	.geometry = on_geometry,
	.mode = on_mode,
	.done = on_done,
	.scale = on_scale,
	.name = on_name,
	.description = on_description,
};

static void on_logical_position(void *data, struct wl_proxy *xdg, int32_t x, int32_t y)
{
	struct output *output = data;

	(void)xdg;
	output->logical_place = true;
	output->x = x;
	output->y = y;
}

static void on_logical_size(void *data, struct wl_proxy *xdg, int32_t width, int32_t height)
{
	struct output *output = data;

	(void)xdg;
	(void)height;
	output->logical_width = width;
}

static void on_xdg_done(void *data, struct wl_proxy *xdg)
{
	const struct output *output = data;

	(void)xdg;
	tell(output->outputs);
}

static void on_xdg_name(void *data, struct wl_proxy *xdg, const char *name)
{
	struct output *output = data;

	(void)xdg;
	snprintf(output->name, sizeof(output->name), "%s", name);
}

static void on_xdg_description(void *data, struct wl_proxy *xdg, const char *description)
{
	(void)data;
	(void)xdg;
	(void)description;
}

static const struct xdg_output_listener xdg_listener = {
	.logical_position = on_logical_position,
	.logical_size = on_logical_size,
	.done = on_xdg_done,
	.name = on_xdg_name,
	.description = on_xdg_description,
};

static void add_xdg(struct output *output)
{
	struct wl_proxy *manager = output->outputs->manager;

	if (!manager || output->xdg)
		return;
	output->xdg = wl_proxy_marshal_flags(manager, XDG_OUTPUT_MANAGER_GET_XDG_OUTPUT,
					     &xdg_output_interface, wl_proxy_get_version(manager),
					     0, NULL, output->proxy);
	if (output->xdg)
		wl_proxy_add_listener(output->xdg, (void (**)(void))(uintptr_t)&xdg_listener,
				      output);
}

static void add_output(struct outputs *outputs, struct wayland *wayland, uint32_t name,
		       uint32_t version)
{
	struct output *output = calloc(1, sizeof(*output)), **last = &outputs->list;

	if (!output)
		return;
	*output = (struct output){
		.outputs = outputs, .global = name, .place = outputs->count++, .scale = 1};
	output->proxy =
		wayland_bind(wayland, name, &wl_output_interface, MIN(version, WL_OUTPUT_VERSION));
	if (!output->proxy) {
		free(output);
		return;
	}
	while (*last)
		last = &(*last)->next;
	*last = output;
	wl_output_add_listener(output->proxy, &output_listener, output);
	add_xdg(output);
}

void outputs_global(struct outputs *outputs, struct wayland *wayland, uint32_t name,
		    const char *interface, uint32_t version)
{
	if (strcmp(interface, "wl_output") == 0) {
		add_output(outputs, wayland, name, version);
	} else if (strcmp(interface, XDG_OUTPUT_MANAGER) == 0 && !outputs->manager) {
		outputs->manager = wayland_bind(wayland, name, &xdg_output_manager_interface,
						MIN(version, XDG_OUTPUT_VERSION));
		for (struct output *output = outputs->list; output; output = output->next)
			add_xdg(output);
	}
}

static void output_free(struct output *output)
{
	if (output->xdg)
		wl_proxy_marshal_flags(output->xdg, XDG_OUTPUT_DESTROY, NULL,
				       wl_proxy_get_version(output->xdg), WL_MARSHAL_FLAG_DESTROY);
	if (wl_output_get_version(output->proxy) >= WL_OUTPUT_RELEASE_SINCE_VERSION)
		wl_output_release(output->proxy);
	else
		wl_output_destroy(output->proxy);
	free(output);
}

void outputs_removed(struct outputs *outputs, uint32_t name)
{
	for (struct output **place = &outputs->list; *place; place = &(*place)->next) {
		struct output *output = *place;

		if (output->global != name)
			continue;
		*place = output->next;
		output_free(output);
		tell(outputs);
		return;
	}
}

static uint32_t scale_of(const struct output *output)
{
	/* Fractional scales are seen in the sizes alone. */
	if (output->logical_width > 0 && output->width > 0)
		return (uint32_t)(((int64_t)output->width * 1000 + output->logical_width / 2) /
				  output->logical_width);
	return (uint32_t)MAX(output->scale, 1) * 1000;
}

void outputs_read(const struct outputs *outputs, struct head_list *heads)
{
	for (const struct output *output = outputs->list;
	     output && heads->count < DISPLAY_MAX_HEADS; output = output->next) {
		struct head *head = &heads->heads[heads->count];
		/* Where another has that number, the first that is free. */
		unsigned int number = head_of_connector(output->name, output->place);

		if (output->width <= 0 || output->height <= 0)
			continue;
		if (head_list_find(heads, number)) {
			for (number = 0; head_list_find(heads, number); number++)
				;
		}
		*head = (struct head){
			.head = number,
			.enabled = true,
			.x = output->x,
			.y = output->y,
			.width = (uint32_t)output->width,
			.height = (uint32_t)output->height,
			.scale_milli = scale_of(output),
		};
		memcpy(head->connector, output->name, sizeof(head->connector));
		heads->count++;
	}
}

struct outputs *outputs_new(void (*changed)(void *owner), void *owner)
{
	struct outputs *outputs = calloc(1, sizeof(*outputs));

	if (outputs) {
		outputs->changed = changed;
		outputs->owner = owner;
	}
	return outputs;
}

void outputs_free(struct outputs *outputs)
{
	if (!outputs)
		return;
	while (outputs->list) {
		struct output *output = outputs->list;

		outputs->list = output->next;
		output_free(output);
	}
	if (outputs->manager)
		wl_proxy_marshal_flags(outputs->manager, XDG_OUTPUT_MANAGER_DESTROY, NULL,
				       wl_proxy_get_version(outputs->manager),
				       WL_MARSHAL_FLAG_DESTROY);
	free(outputs);
}

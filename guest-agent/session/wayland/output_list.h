/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * output_list - screens and their modes, as compositors with a protocol to set them tell: what the
 * dialects of wlroots and KWin have in common
 */
#ifndef LODGE_SESSION_WAYLAND_OUTPUT_LIST_H
#define LODGE_SESSION_WAYLAND_OUTPUT_LIST_H

#include "protocol/head_list.h"

#include <wayland-client-core.h>

struct output_mode {
	struct output_mode *next;
	struct wl_proxy *proxy;
	uint32_t width, height; /* 0: not told */
};

struct output {
	struct output *next;
	struct output_list *list;
	struct wl_proxy *proxy;
	uint32_t global; /* its name in the registry, if it is one */
	struct output_mode *modes;
	const struct output_mode *current; /* NULL: not one of them */
	char name[32];			   /* "": not told yet */
	unsigned int head;		   /* DISPLAY_MAX_HEADS and above: not known yet */
	bool enabled;
	int32_t x, y;
	uint32_t scale_milli;
};

struct output_list {
	void (*changed)(void *owner);
	void *owner;
	struct output *first; /* in the order they came */
};

/* At the end, on. @proxy becomes the list's. NULL without memory: then it is destroyed. */
struct output *output_list_add(struct output_list *list, struct wl_proxy *proxy);
/* Destroys its proxy and those of its modes. */
void output_list_remove(struct output *output);
void output_list_clear(struct output_list *list);

/* Gives each output that has a name the number of its head: by the name, or, where another has that
 * one, the first that is free. */
void output_list_number(struct output_list *list);

/* Its name, and, if it is on in one of its modes, all of it. */
void output_describe(const struct output *output, struct head *head);

/* What is wanted of it; NULL. */
const struct head *output_wanted(const struct output *output, const struct head_list *heads);

/* As output_list_add(). */
struct output_mode *output_add_mode(struct output *output, struct wl_proxy *proxy);
void output_remove_mode(struct output *output, struct output_mode *mode);
/* NULL if there is none. */
struct output_mode *output_mode_of(const struct output *output, const struct wl_proxy *proxy);
struct output_mode *output_find_mode(const struct output *output, uint32_t width, uint32_t height);

/* Events of a mode, for listeners whose data is its output. */
void output_mode_size(void *output, struct wl_proxy *mode, int32_t width, int32_t height);
void output_mode_gone(void *output, struct wl_proxy *mode);
void output_mode_refresh(void *output, struct wl_proxy *mode, int32_t refresh);
void output_mode_preferred(void *output, struct wl_proxy *mode);

#endif

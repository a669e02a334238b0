/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * outputs - what any Wayland client is told of the screens: wl_output, and xdg-output for their
 * logical places where it is there
 */
#ifndef LODGE_SESSION_WAYLAND_OUTPUTS_H
#define LODGE_SESSION_WAYLAND_OUTPUTS_H

#include "guest-agent/session/wayland/connection.h"
#include "protocol/head_list.h"

struct outputs;

/* @wayland: may be set later, but before the first call below. NULL without memory. */
struct outputs *outputs_new(void (*changed)(void *owner), void *owner);

/* To be called in the handlers of the connection. */
void outputs_global(struct outputs *outputs, struct wayland *wayland, uint32_t name,
		    const char *interface, uint32_t version);
void outputs_removed(struct outputs *outputs, uint32_t name);

/* Those that are on: others are not told. */
void outputs_read(const struct outputs *outputs, struct head_list *heads);

/* Before wayland_close(). NULL is fine. */
void outputs_free(struct outputs *outputs);

#endif

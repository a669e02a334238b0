/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wlr_internal - what wlr.c (what the compositor tells) and wlr_apply.c (what it shall do) share
 */
#ifndef LODGE_SESSION_DISPLAY_WLR_INTERNAL_H
#define LODGE_SESSION_DISPLAY_WLR_INTERNAL_H

#include "guest-agent/session/display.h"
#include "guest-agent/session/wayland/connection.h"
#include "guest-agent/session/wayland/output_list.h"
#include "guest-agent/session/wayland/outputs.h"

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

bool wlr_read(void *state, struct head_list *heads);
void wlr_apply(void *state, const struct head_list *heads);

/* The outputs have changed: sway may have done what it said it would. */
void wlr_check_sway(struct wlr *wlr);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * randr_state - what an X server's screens are (RandR protocol 1.3)
 *
 * A RandR "screen" is the one picture, "CRTCs" show parts of it, "outputs" are monitors.
 */
#ifndef LODGE_SESSION_DISPLAY_RANDR_STATE_H
#define LODGE_SESSION_DISPLAY_RANDR_STATE_H

#include "protocol/head_list.h"

#include <xcb/randr.h>

#define RANDR_CRTCS   32
#define RANDR_OUTPUTS 32

struct randr_crtc {
	xcb_randr_crtc_t id;
	xcb_randr_mode_t mode; /* 0: off */
	int16_t x, y;
	uint16_t width, height;
};

struct randr_output {
	xcb_randr_output_t id;
	char name[32];
	unsigned int head;
	bool connected, primary;
	xcb_randr_crtc_t crtc; /* 0: off */
	uint32_t crtcs;	       /* a bit for each of the state's that it could have */
	/* Its own modes, the preferred ones first. In the state's reply. */
	const xcb_randr_mode_t *modes;
	unsigned int mode_count, preferred_count;
	xcb_randr_get_output_info_reply_t *reply;
};

struct randr_state {
	xcb_randr_get_screen_resources_current_reply_t *resources;
	xcb_timestamp_t timestamp;
	struct randr_crtc crtcs[RANDR_CRTCS];
	size_t crtc_count;
	struct randr_output outputs[RANDR_OUTPUTS];
	size_t output_count;
	const xcb_randr_mode_info_t *modes; /* all of the server's */
	size_t mode_count;
};

/* As the server knows it, without asking monitors. 0 or negative errno. randr_state_free(). */
int randr_state_read(xcb_connection_t *connection, xcb_window_t root, struct randr_state *state);
void randr_state_free(struct randr_state *state);

/* Outputs that are connected or still show something, but none twice. @scale_milli: of all. */
void randr_state_heads(const struct randr_state *state, uint32_t scale_milli,
		       struct head_list *heads);

/* NULL if there is none. */
const struct randr_crtc *randr_state_crtc(const struct randr_state *state, xcb_randr_crtc_t id);
/* A connected one. */
struct randr_output *randr_state_output(struct randr_state *state, unsigned int head);
const xcb_randr_mode_info_t *randr_state_mode(const struct randr_state *state, xcb_randr_mode_t id);

/* A mode of that size which @output has, its preferred one if that fits; 0. */
xcb_randr_mode_t randr_state_find_mode(const struct randr_state *state,
				       const struct randr_output *output, uint32_t width,
				       uint32_t height);

#endif

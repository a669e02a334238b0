/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/display/randr_change.h"

#include "guest-agent/session/display/randr_scale.h"
#include "guest-agent/session/display/randr_state.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODE_PREFIX "lodge-"
#define BLANK_X	    160U /* of a reduced blanking */
#define BLANK_Y	    40U
#define REFRESH_HZ  60U

static void cleanup_state(struct randr_state *state)
{
	randr_state_free(state);
}

/* The server, and the root window of its screen. */
struct server {
	xcb_connection_t *connection;
	xcb_window_t root;
};

/* --- Modes ---------------------------------------------------------------------------------- */

static xcb_randr_mode_t create_mode(const struct server *server, const struct randr_output *output,
				    const struct head *head)
{
	char name[64];
	const int length = snprintf(name, sizeof(name), MODE_PREFIX "%ux%u-%u", head->width,
				    head->height, head->head);
	const uint32_t total_x = head->width + BLANK_X, total_y = head->height + BLANK_Y;
	const uint64_t clock = (uint64_t)total_x * total_y * REFRESH_HZ;
	const xcb_randr_mode_info_t info = {
		.width = (uint16_t)head->width,
		.height = (uint16_t)head->height,
		.dot_clock = (uint32_t)MIN(clock, UINT32_MAX),
		.hsync_start = (uint16_t)(head->width + 48),
		.hsync_end = (uint16_t)(head->width + 80),
		.htotal = (uint16_t)total_x,
		.vsync_start = (uint16_t)(head->height + 3),
		.vsync_end = (uint16_t)(head->height + 13),
		.vtotal = (uint16_t)total_y,
		.name_len = (uint16_t)length,
		.mode_flags =
			XCB_RANDR_MODE_FLAG_HSYNC_POSITIVE | XCB_RANDR_MODE_FLAG_VSYNC_NEGATIVE,
	};
	xcb_randr_create_mode_reply_t *reply =
		xcb_randr_create_mode_reply(server->connection,
					    xcb_randr_create_mode(server->connection, server->root,
								  info, (uint32_t)length, name),
					    NULL);
	xcb_randr_mode_t mode = reply ? reply->mode : 0;

	free(reply);
	if (mode)
		xcb_randr_add_output_mode(server->connection, output->id, mode);
	return mode;
}

static bool is_ours(const struct randr_state *state, const xcb_randr_mode_info_t *wanted)
{
	const char *name =
		(const char *)xcb_randr_get_screen_resources_current_names(state->resources);
	size_t left = (size_t)xcb_randr_get_screen_resources_current_names_length(state->resources);

	for (size_t i = 0; i < state->mode_count; i++) {
		const size_t length = MIN(state->modes[i].name_len, left);

		if (&state->modes[i] == wanted)
			return length > strlen(MODE_PREFIX) &&
			       memcmp(name, MODE_PREFIX, strlen(MODE_PREFIX)) == 0;
		name += length;
		left -= length;
	}
	return false;
}

/* Modes of ours that show nothing any more. */
static void remove_modes(const struct server *server)
{
	_cleanup_(cleanup_state) struct randr_state state = {0};

	if (randr_state_read(server->connection, server->root, &state) < 0)
		return;
	for (size_t i = 0; i < state.mode_count; i++) {
		bool used = false;

		for (size_t j = 0; j < state.crtc_count; j++)
			used |= state.crtcs[j].mode == state.modes[i].id;
		if (used || !is_ours(&state, &state.modes[i]))
			continue;
		for (size_t j = 0; j < state.output_count; j++) {
			for (unsigned int k = 0; k < state.outputs[j].mode_count; k++) {
				if (state.outputs[j].modes[k] == state.modes[i].id)
					xcb_randr_delete_output_mode(server->connection,
								     state.outputs[j].id,
								     state.modes[i].id);
			}
		}
		xcb_randr_destroy_mode(server->connection, state.modes[i].id);
	}
}

/* --- All in one go -------------------------------------------------------------------------- */

/* What an output shall be. */
struct target {
	const struct head *head;
	struct randr_output *output;
	const struct randr_crtc *crtc;
	xcb_randr_mode_t mode;
};

struct change {
	struct target targets[DISPLAY_MAX_HEADS];
	size_t count;
	uint32_t width, height;
	uint32_t taken; /* CRTCs, a bit each */
};

static int find_targets(const struct server *server, struct randr_state *state,
			const struct head_list *heads, struct change *change)
{
	for (size_t i = 0; i < heads->count; i++) {
		const struct head *head = &heads->heads[i];
		struct target *target = &change->targets[change->count];

		if (!head->enabled)
			continue;
		target->head = head;
		target->output = randr_state_output(state, head->head);
		if (!target->output)
			continue; /* unplugged: it goes off */
		target->mode =
			randr_state_find_mode(state, target->output, head->width, head->height);
		if (!target->mode)
			target->mode = create_mode(server, target->output, head);
		if (!target->mode)
			return -EINVAL;
		change->width = MAX(change->width, (uint32_t)head->x + head->width);
		change->height = MAX(change->height, (uint32_t)head->y + head->height);
		change->count++;
	}
	return change->count > 0 ? 0 : -ENODEV;
}

static bool take_crtc(const struct randr_state *state, struct change *change, struct target *target,
		      bool own)
{
	for (size_t i = 0; i < state->crtc_count && !target->crtc; i++) {
		if (!(target->output->crtcs & (1U << i)) || (change->taken & (1U << i)) ||
		    (own && state->crtcs[i].id != target->output->crtc))
			continue;
		change->taken |= 1U << i;
		target->crtc = &state->crtcs[i];
	}
	return target->crtc != NULL;
}

/* Each output its own, the one it has if possible. */
static int take_crtcs(const struct randr_state *state, struct change *change)
{
	for (size_t i = 0; i < change->count; i++)
		take_crtc(state, change, &change->targets[i], true);
	for (size_t i = 0; i < change->count; i++) {
		if (!take_crtc(state, change, &change->targets[i], false))
			return -EBUSY;
	}
	return 0;
}

static bool stays(const struct change *change, const struct randr_crtc *crtc)
{
	for (size_t i = 0; i < change->count; i++) {
		const struct target *target = &change->targets[i];

		if (target->crtc == crtc)
			return target->output->crtc == crtc->id && target->mode == crtc->mode &&
			       target->head->x == crtc->x && target->head->y == crtc->y;
	}
	return false;
}

static int set_crtc(const struct server *server, xcb_timestamp_t timestamp,
		    const struct randr_crtc *crtc, const xcb_randr_output_t *outputs,
		    uint32_t output_count)
{
	xcb_randr_set_crtc_config_reply_t *reply = xcb_randr_set_crtc_config_reply(
		server->connection,
		xcb_randr_set_crtc_config(server->connection, crtc->id, XCB_CURRENT_TIME, timestamp,
					  crtc->x, crtc->y, crtc->mode, XCB_RANDR_ROTATION_ROTATE_0,
					  output_count, outputs),
		NULL);
	const bool good = reply && reply->status == XCB_RANDR_SET_CONFIG_SUCCESS;

	free(reply);
	return good ? 0 : -EINVAL;
}

static int switch_off(const struct server *server, const struct randr_state *state,
		      xcb_randr_crtc_t crtc)
{
	const struct randr_crtc off = {.id = crtc};

	return set_crtc(server, state->timestamp, &off, NULL, 0);
}

static int check(const struct server *server, xcb_void_cookie_t cookie)
{
	xcb_generic_error_t *error = xcb_request_check(server->connection, cookie);

	free(error);
	return error ? -EINVAL : 0;
}

static uint32_t millimetres(uint32_t pixels, uint32_t scale_milli)
{
	return MAX((uint32_t)((uint64_t)pixels * 25400 / (RANDR_SCALE_DPI * scale_milli)), 1U);
}

static int set_screen_size(const struct server *server, uint32_t width, uint32_t height,
			   uint32_t scale_milli)
{
	return check(server, xcb_randr_set_screen_size_checked(server->connection, server->root,
							       (uint16_t)width, (uint16_t)height,
							       millimetres(width, scale_milli),
							       millimetres(height, scale_milli)));
}

/* The server knows bounds of its picture: a monitor may show a part of the least one. */
static int fit_screen(const struct server *server, struct change *change)
{
	xcb_randr_get_screen_size_range_reply_t *range = xcb_randr_get_screen_size_range_reply(
		server->connection,
		xcb_randr_get_screen_size_range(server->connection, server->root), NULL);
	int error = 0;

	if (!range)
		return -EIO;
	if (change->width > MIN(range->max_width, INT16_MAX) ||
	    change->height > MIN(range->max_height, INT16_MAX))
		error = -ERANGE;
	change->width = MAX(change->width, range->min_width);
	change->height = MAX(change->height, range->min_height);
	free(range);
	return error;
}

static const struct head *primary_of(const struct head_list *heads)
{
	for (size_t i = 0; i < heads->count; i++) {
		if (heads->heads[i].primary)
			return &heads->heads[i];
	}
	return &heads->heads[0];
}

static int change_all(const struct server *server, const struct randr_state *state,
		      struct change *change, uint32_t scale_milli)
{
	int error = 0;

	for (size_t i = 0; i < state->crtc_count && !error; i++) {
		const struct randr_crtc *crtc = &state->crtcs[i];

		if (crtc->mode && !stays(change, crtc))
			error = switch_off(server, state, crtc->id);
	}
	if (!error)
		error = set_screen_size(server, change->width, change->height, scale_milli);
	for (size_t i = 0; i < change->count && !error; i++) {
		const struct target *target = &change->targets[i];
		const struct randr_crtc crtc = {
			.id = target->crtc->id,
			.mode = target->mode,
			.x = (int16_t)target->head->x,
			.y = (int16_t)target->head->y,
		};

		/* A picture larger than the monitor would move with the pointer. */
		free(xcb_randr_set_panning_reply(
			server->connection,
			xcb_randr_set_panning(server->connection, target->crtc->id,
					      XCB_CURRENT_TIME, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
			NULL));
		error = set_crtc(server, state->timestamp, &crtc, &target->output->id, 1);
		if (target->head->primary)
			xcb_randr_set_output_primary(server->connection, server->root,
						     target->output->id);
	}
	return error;
}

/* All as it was in @before, whatever it has become. */
static void put_back(const struct server *server, const struct randr_state *before,
		     const xcb_get_geometry_reply_t *size, uint32_t scale_milli)
{
	_cleanup_(cleanup_state) struct randr_state now = {0};

	if (!size || randr_state_read(server->connection, server->root, &now) < 0)
		return;
	for (size_t i = 0; i < now.crtc_count; i++) {
		if (now.crtcs[i].mode)
			switch_off(server, &now, now.crtcs[i].id);
	}
	set_screen_size(server, size->width, size->height, scale_milli);
	for (size_t i = 0; i < before->crtc_count; i++) {
		const struct randr_crtc *crtc = &before->crtcs[i];
		xcb_randr_output_t outputs[RANDR_OUTPUTS];
		uint32_t count = 0;

		for (size_t j = 0; j < before->output_count && crtc->mode; j++) {
			if (before->outputs[j].crtc == crtc->id)
				outputs[count++] = before->outputs[j].id;
		}
		if (count > 0 && set_crtc(server, now.timestamp, crtc, outputs, count) < 0)
			log_warning("a screen could not be put back as it was");
	}
}

static int change_or_put_back(const struct server *server, const struct randr_state *state,
			      struct change *change, uint32_t scale_milli)
{
	xcb_get_geometry_reply_t *size;
	int error;

	xcb_grab_server(server->connection);
	size = xcb_get_geometry_reply(server->connection,
				      xcb_get_geometry(server->connection, server->root), NULL);
	error = change_all(server, state, change, scale_milli);
	if (error)
		put_back(server, state, size, randr_scale_get(server->connection, server->root));
	xcb_ungrab_server(server->connection);
	free(size);
	return error;
}

static int apply(const struct server *server, const struct head_list *heads)
{
	const struct head *primary = primary_of(heads);
	const uint32_t scale = primary->scale_milli ? primary->scale_milli : 1000;
	_cleanup_(cleanup_state) struct randr_state state = {0};
	struct change change = {0};
	int error = randr_state_read(server->connection, server->root, &state);

	if (!error)
		error = find_targets(server, &state, heads, &change);
	if (!error)
		error = take_crtcs(&state, &change);
	if (!error)
		error = fit_screen(server, &change);
	if (!error)
		error = change_or_put_back(server, &state, &change, scale);
	if (!error && scale != randr_scale_get(server->connection, server->root))
		randr_scale_set(server->connection, server->root, scale);
	return error;
}

int randr_change(xcb_connection_t *connection, xcb_window_t root, const struct head_list *heads)
{
	const struct server server = {connection, root};
	int error = apply(&server, heads);

	remove_modes(&server);
	return error;
}

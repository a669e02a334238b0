/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/display/randr_state.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_crtcs(xcb_connection_t *connection, struct randr_state *state)
{
	const xcb_randr_crtc_t *ids =
		xcb_randr_get_screen_resources_current_crtcs(state->resources);
	const int count = xcb_randr_get_screen_resources_current_crtcs_length(state->resources);

	state->crtc_count = (size_t)MIN(count, RANDR_CRTCS);
	for (size_t i = 0; i < state->crtc_count; i++) {
		struct randr_crtc *crtc = &state->crtcs[i];
		xcb_randr_get_crtc_info_reply_t *reply = xcb_randr_get_crtc_info_reply(
			connection, xcb_randr_get_crtc_info(connection, ids[i], state->timestamp),
			NULL);

		crtc->id = ids[i];
		if (!reply)
			return -EAGAIN; /* it has just changed */
		crtc->mode = reply->mode;
		crtc->x = reply->x;
		crtc->y = reply->y;
		crtc->width = reply->width;
		crtc->height = reply->height;
		free(reply);
	}
	return 0;
}

static uint32_t possible_crtcs(const struct randr_state *state,
			       const xcb_randr_get_output_info_reply_t *reply)
{
	const xcb_randr_crtc_t *ids = xcb_randr_get_output_info_crtcs(reply);
	const int count = xcb_randr_get_output_info_crtcs_length(reply);
	uint32_t possible = 0;

	for (int i = 0; i < count; i++) {
		for (size_t j = 0; j < state->crtc_count; j++) {
			if (state->crtcs[j].id == ids[i])
				possible |= 1U << j;
		}
	}
	return possible;
}

static int read_output(xcb_connection_t *connection, const struct randr_state *state,
		       xcb_randr_output_t id, unsigned int place, struct randr_output *output)
{
	xcb_randr_get_output_info_reply_t *reply = xcb_randr_get_output_info_reply(
		connection, xcb_randr_get_output_info(connection, id, state->timestamp), NULL);

	if (!reply)
		return -EAGAIN;
	snprintf(output->name, sizeof(output->name), "%.*s",
		 xcb_randr_get_output_info_name_length(reply),
		 (const char *)xcb_randr_get_output_info_name(reply));
	output->id = id;
	output->head = head_of_connector(output->name, place);
	output->connected = reply->connection != XCB_RANDR_CONNECTION_DISCONNECTED;
	output->crtc = reply->crtc;
	output->crtcs = possible_crtcs(state, reply);
	output->modes = xcb_randr_get_output_info_modes(reply);
	output->mode_count = reply->num_modes;
	output->preferred_count = reply->num_preferred;
	output->reply = reply;
	return 0;
}

static int read_outputs(xcb_connection_t *connection, xcb_window_t root, struct randr_state *state)
{
	const xcb_randr_output_t *ids =
		xcb_randr_get_screen_resources_current_outputs(state->resources);
	const int count = xcb_randr_get_screen_resources_current_outputs_length(state->resources);
	xcb_randr_get_output_primary_reply_t *primary = xcb_randr_get_output_primary_reply(
		connection, xcb_randr_get_output_primary(connection, root), NULL);
	int error = 0;

	for (int i = 0; i < MIN(count, RANDR_OUTPUTS) && !error; i++) {
		struct randr_output *output = &state->outputs[state->output_count];

		error = read_output(connection, state, ids[i], (unsigned int)i, output);
		output->primary = primary && primary->output == ids[i];
		state->output_count += error ? 0 : 1;
	}
	free(primary);
	return error;
}

int randr_state_read(xcb_connection_t *connection, xcb_window_t root, struct randr_state *state)
{
	int error;

	*state = (struct randr_state){0};
	state->resources = xcb_randr_get_screen_resources_current_reply(
		connection, xcb_randr_get_screen_resources_current(connection, root), NULL);
	if (!state->resources)
		return -EIO;
	state->timestamp = state->resources->config_timestamp;
	state->modes = xcb_randr_get_screen_resources_current_modes(state->resources);
	state->mode_count =
		(size_t)xcb_randr_get_screen_resources_current_modes_length(state->resources);
	error = read_crtcs(connection, state);
	if (!error)
		error = read_outputs(connection, root, state);
	if (error)
		randr_state_free(state);
	return error;
}

void randr_state_free(struct randr_state *state)
{
	for (size_t i = 0; i < state->output_count; i++)
		free(state->outputs[i].reply);
	free(state->resources);
	*state = (struct randr_state){0};
}

void randr_state_heads(const struct randr_state *state, uint32_t scale_milli,
		       struct head_list *heads)
{
	for (size_t i = 0; i < state->output_count && heads->count < DISPLAY_MAX_HEADS; i++) {
		const struct randr_output *output = &state->outputs[i];
		const struct randr_crtc *crtc = randr_state_crtc(state, output->crtc);
		struct head *head = &heads->heads[heads->count];

		const bool is_lit = crtc && crtc->mode;

		if ((!output->connected && !is_lit) || head_list_find(heads, output->head))
			continue;
		*head = (struct head){.head = output->head, .primary = output->primary};
		memcpy(head->connector, output->name, sizeof(head->connector));
		if (is_lit) {
			head->enabled = true;
			head->x = crtc->x;
			head->y = crtc->y;
			head->width = crtc->width;
			head->height = crtc->height;
			head->scale_milli = scale_milli;
		}
		heads->count++;
	}
}

const struct randr_crtc *randr_state_crtc(const struct randr_state *state, xcb_randr_crtc_t id)
{
	for (size_t i = 0; i < state->crtc_count && id; i++) {
		if (state->crtcs[i].id == id)
			return &state->crtcs[i];
	}
	return NULL;
}

struct randr_output *randr_state_output(struct randr_state *state, unsigned int head)
{
	for (size_t i = 0; i < state->output_count; i++) {
		if (state->outputs[i].connected && state->outputs[i].head == head)
			return &state->outputs[i];
	}
	return NULL;
}

const xcb_randr_mode_info_t *randr_state_mode(const struct randr_state *state, xcb_randr_mode_t id)
{
	for (size_t i = 0; i < state->mode_count; i++) {
		if (state->modes[i].id == id)
			return &state->modes[i];
	}
	return NULL;
}

xcb_randr_mode_t randr_state_find_mode(const struct randr_state *state,
				       const struct randr_output *output, uint32_t width,
				       uint32_t height)
{
	for (unsigned int i = 0; i < output->mode_count; i++) {
		const xcb_randr_mode_info_t *mode = randr_state_mode(state, output->modes[i]);

		if (mode && mode->width == width && mode->height == height)
			return mode->id;
	}
	return 0;
}

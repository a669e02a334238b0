/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/wayland/output_management.h"

#include <wayland-client-protocol.h>

/* For each argument the interface of its object, or NULL. */
static const struct wl_interface *no_objects[] = {NULL, NULL, NULL};
static const struct wl_interface *head_type[] = {&output_head_interface};
static const struct wl_interface *mode_type[] = {&output_mode_interface};
static const struct wl_interface *create_types[] = {&output_configuration_interface, NULL};
static const struct wl_interface *enable_types[] = {&output_configuration_head_interface,
						    &output_head_interface};

static const struct wl_message manager_requests[] = {
	{"create_configuration", "nu", create_types},
	{"stop", "", no_objects},
};

static const struct wl_message manager_events[] = {
	{"head", "n", head_type},
	{"done", "u", no_objects},
	{"finished", "", no_objects},
};

const struct wl_interface output_manager_interface = {
	OUTPUT_MANAGER_NAME, OUTPUT_MANAGER_VERSION, 2, manager_requests, 3, manager_events,
};

static const struct wl_message head_events[] = {
	{"name", "s", no_objects},	     {"description", "s", no_objects},
	{"physical_size", "ii", no_objects}, {"mode", "n", mode_type},
	{"enabled", "i", no_objects},	     {"current_mode", "o", mode_type},
	{"position", "ii", no_objects},	     {"transform", "i", no_objects},
	{"scale", "f", no_objects},	     {"finished", "", no_objects},
	{"make", "2s", no_objects},	     {"model", "2s", no_objects},
	{"serial_number", "2s", no_objects},
};

const struct wl_interface output_head_interface = {
	"zwlr_output_head_v1", OUTPUT_MANAGER_VERSION, 0, NULL, 13, head_events,
};

static const struct wl_message mode_events[] = {
	{"size", "ii", no_objects},
	{"refresh", "i", no_objects},
	{"preferred", "", no_objects},
	{"finished", "", no_objects},
};

const struct wl_interface output_mode_interface = {
	"zwlr_output_mode_v1", OUTPUT_MANAGER_VERSION, 0, NULL, 4, mode_events,
};

static const struct wl_message configuration_requests[] = {
	{"enable_head", "no", enable_types}, {"disable_head", "o", head_type},
	{"apply", "", no_objects},	     {"test", "", no_objects},
	{"destroy", "", no_objects},
};

static const struct wl_message configuration_events[] = {
	{"succeeded", "", no_objects},
	{"failed", "", no_objects},
	{"cancelled", "", no_objects},
};

const struct wl_interface output_configuration_interface = {
	"zwlr_output_configuration_v1", OUTPUT_MANAGER_VERSION, 5, configuration_requests, 3,
	configuration_events,
};

static const struct wl_message configuration_head_requests[] = {
	{"set_mode", "o", mode_type},	    {"set_custom_mode", "iii", no_objects},
	{"set_position", "ii", no_objects}, {"set_transform", "i", no_objects},
	{"set_scale", "f", no_objects},
};

const struct wl_interface output_configuration_head_interface = {
	"zwlr_output_configuration_head_v1",
	OUTPUT_MANAGER_VERSION,
	5,
	configuration_head_requests,
	0,
	NULL,
};

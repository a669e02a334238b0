/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/wayland/kde_outputs.h"

/* For each argument the interface of its object, or NULL. */
static const struct wl_interface *no_objects[] = {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
static const struct wl_interface *mode_type[] = {&kde_mode_interface};
static const struct wl_interface *configuration_type[] = {&kde_configuration_interface};
static const struct wl_interface *device_types[] = {&kde_device_interface, NULL, NULL};
static const struct wl_interface *device_mode_types[] = {&kde_device_interface,
							 &kde_mode_interface};

static const struct wl_message device_events[] = {
	{"geometry", "iiiiissi", no_objects},
	{"current_mode", "o", mode_type},
	{"mode", "n", mode_type},
	{"done", "", no_objects},
	{"scale", "f", no_objects},
	{"edid", "s", no_objects},
	{"enabled", "i", no_objects},
	{"uuid", "s", no_objects},
	{"serial_number", "s", no_objects},
	{"eisa_id", "s", no_objects},
	{"capabilities", "u", no_objects},
	{"overscan", "u", no_objects},
	{"vrr_policy", "u", no_objects},
	{"rgb_range", "u", no_objects},
	{"name", "2s", no_objects},
};

const struct wl_interface kde_device_interface = {
	KDE_DEVICE_NAME, KDE_DEVICE_VERSION, 0, NULL, 15, device_events,
};

static const struct wl_message mode_events[] = {
	{"size", "ii", no_objects},
	{"refresh", "i", no_objects},
	{"preferred", "", no_objects},
	{"removed", "", no_objects},
};

const struct wl_interface kde_mode_interface = {
	"kde_output_device_mode_v2", 1, 0, NULL, 4, mode_events,
};

static const struct wl_message management_requests[] = {
	{"create_configuration", "n", configuration_type},
};

const struct wl_interface kde_management_interface = {
	KDE_MANAGEMENT_NAME, KDE_MANAGEMENT_VERSION, 1, management_requests, 0, NULL,
};

static const struct wl_message configuration_requests[] = {
	{"enable", "oi", device_types},
	{"mode", "oo", device_mode_types},
	{"transform", "oi", device_types},
	{"position", "oii", device_types},
	{"scale", "of", device_types},
	{"apply", "", no_objects},
	{"destroy", "", no_objects},
	{"overscan", "ou", device_types},
	{"set_vrr_policy", "ou", device_types},
	{"set_rgb_range", "ou", device_types},
	{"set_primary_output", "2o", device_types},
	{"set_priority", "3ou", device_types},
};

static const struct wl_message configuration_events[] = {
	{"applied", "", no_objects},
	{"failed", "", no_objects},
};

const struct wl_interface kde_configuration_interface = {
	"kde_output_configuration_v2", KDE_MANAGEMENT_VERSION, 12, configuration_requests, 2,
	configuration_events,
};

static const struct wl_message primary_events[] = {
	{"primary_output", "s", no_objects},
};

const struct wl_interface kde_primary_interface = {
	KDE_PRIMARY_NAME, 1, 0, NULL, 1, primary_events,
};

static const struct wl_message order_requests[] = {
	{"destroy", "", no_objects},
};

static const struct wl_message order_events[] = {
	{"output", "s", no_objects},
	{"done", "", no_objects},
};

const struct wl_interface kde_order_interface = {
	KDE_ORDER_NAME, 1, 1, order_requests, 2, order_events,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/wayland/kde_outputs.h"

#include "protocol/base/bytes.h"

/* For each argument the interface of its object, or NULL. */
static const struct wl_interface *no_objects[] = {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
static const struct wl_interface *device_type[] = {&kde_device_interface};
static const struct wl_interface *mode_type[] = {&kde_mode_interface};
static const struct wl_interface *configuration_type[] = {&kde_configuration_interface};
static const struct wl_interface *device_types[] = {&kde_device_interface, NULL, NULL};
static const struct wl_interface *device_mode_types[] = {&kde_device_interface,
							 &kde_mode_interface};

static const struct wl_message registry_requests[] = {
	{"stop", "21", no_objects},
};

static const struct wl_message registry_events[] = {
	{"finished", "21", no_objects},
	{"output", "21n", device_type},
};

const struct wl_interface kde_registry_interface = {
	KDE_REGISTRY_NAME, KDE_REGISTRY_VERSION, 1, registry_requests, 2, registry_events,
};

static const struct wl_message device_requests[] = {
	{"release", "21", no_objects},
};

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
	{"high_dynamic_range", "3u", no_objects},
	{"sdr_brightness", "3u", no_objects},
	{"wide_color_gamut", "3u", no_objects},
	{"auto_rotate_policy", "4u", no_objects},
	{"icc_profile_path", "5s", no_objects},
	{"brightness_metadata", "6uuu", no_objects},
	{"brightness_overrides", "6iii", no_objects},
	{"sdr_gamut_wideness", "6u", no_objects},
	{"color_profile_source", "7u", no_objects},
	{"brightness", "8u", no_objects},
	{"color_power_tradeoff", "10u", no_objects},
	{"dimming", "11u", no_objects},
	{"replication_source", "13s", no_objects},
	{"ddc_ci_allowed", "14u", no_objects},
	{"max_bits_per_color", "15u", no_objects},
	{"max_bits_per_color_range", "15uu", no_objects},
	{"automatic_max_bits_per_color_limit", "15u", no_objects},
	{"edr_policy", "16u", no_objects},
	{"sharpness", "17u", no_objects},
	{"priority", "18u", no_objects},
	{"auto_brightness", "20u", no_objects},
	{"removed", "21", no_objects},
};

const struct wl_interface kde_device_interface = {
	KDE_DEVICE_NAME, KDE_REGISTRY_VERSION,	    1,
	device_requests, ARRAY_SIZE(device_events), device_events,
};

static const struct wl_message mode_events[] = {
	{"size", "ii", no_objects},  {"refresh", "i", no_objects}, {"preferred", "", no_objects},
	{"removed", "", no_objects}, {"flags", "19u", no_objects},
};

const struct wl_interface kde_mode_interface = {
	"kde_output_device_mode_v2", KDE_REGISTRY_VERSION, 0, NULL, 5, mode_events,
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

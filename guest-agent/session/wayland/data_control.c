/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/wayland/data_control.h"

#include <wayland-client-protocol.h>

/* For each argument the interface of its object, or NULL. */
static const struct wl_interface *no_objects[] = {NULL, NULL};

/* One protocol of the two: PREFIX begins its names, SINCE the signatures of primary selections. */
#define DATA_CONTROL(short_name, PREFIX, VERSION, SINCE, PRIMARY_SINCE)                            \
	static const struct wl_interface short_name##_device, short_name##_source,                 \
		short_name##_offer;                                                                \
                                                                                                   \
	static const struct wl_interface *short_name##_source_type[] = {&short_name##_source};     \
	static const struct wl_interface *short_name##_offer_type[] = {&short_name##_offer};       \
	static const struct wl_interface *short_name##_device_types[] = {&short_name##_device,     \
									 &wl_seat_interface};      \
                                                                                                   \
	static const struct wl_message short_name##_manager_requests[] = {                         \
		{"create_data_source", "n", short_name##_source_type},                             \
		{"get_data_device", "no", short_name##_device_types},                              \
		{"destroy", "", no_objects},                                                       \
	};                                                                                         \
	static const struct wl_interface short_name##_manager = {                                  \
		PREFIX "_manager_v1", VERSION, 3, short_name##_manager_requests, 0, NULL,          \
	};                                                                                         \
                                                                                                   \
	static const struct wl_message short_name##_device_requests[] = {                          \
		{"set_selection", "?o", short_name##_source_type},                                 \
		{"destroy", "", no_objects},                                                       \
		{"set_primary_selection", SINCE "?o", short_name##_source_type},                   \
	};                                                                                         \
	static const struct wl_message short_name##_device_events[] = {                            \
		{"data_offer", "n", short_name##_offer_type},                                      \
		{"selection", "?o", short_name##_offer_type},                                      \
		{"finished", "", no_objects},                                                      \
		{"primary_selection", SINCE "?o", short_name##_offer_type},                        \
	};                                                                                         \
	static const struct wl_interface short_name##_device = {                                   \
		PREFIX "_device_v1",	      VERSION, 3,                                          \
		short_name##_device_requests, 4,       short_name##_device_events,                 \
	};                                                                                         \
                                                                                                   \
	static const struct wl_message short_name##_source_requests[] = {                          \
		{"offer", "s", no_objects},                                                        \
		{"destroy", "", no_objects},                                                       \
	};                                                                                         \
	static const struct wl_message short_name##_source_events[] = {                            \
		{"send", "sh", no_objects},                                                        \
		{"cancelled", "", no_objects},                                                     \
	};                                                                                         \
	static const struct wl_interface short_name##_source = {                                   \
		PREFIX "_source_v1",	      VERSION, 2,                                          \
		short_name##_source_requests, 2,       short_name##_source_events,                 \
	};                                                                                         \
                                                                                                   \
	static const struct wl_message short_name##_offer_requests[] = {                           \
		{"receive", "sh", no_objects},                                                     \
		{"destroy", "", no_objects},                                                       \
	};                                                                                         \
	static const struct wl_message short_name##_offer_events[] = {                             \
		{"offer", "s", no_objects},                                                        \
	};                                                                                         \
	static const struct wl_interface short_name##_offer = {                                    \
		PREFIX "_offer_v1",	     VERSION, 2,                                           \
		short_name##_offer_requests, 1,	      short_name##_offer_events,                   \
	};                                                                                         \
                                                                                                   \
	const struct data_control data_control_##short_name = {                                    \
		.manager = &short_name##_manager,                                                  \
		.device = &short_name##_device,                                                    \
		.source = &short_name##_source,                                                    \
		.offer = &short_name##_offer,                                                      \
		.primary_since = (PRIMARY_SINCE),                                                  \
	}

DATA_CONTROL(ext, "ext_data_control", 1, "", 1);
DATA_CONTROL(wlr, "zwlr_data_control", 2, "2", 2);

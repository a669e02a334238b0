/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * output_management - tables of wlr-output-management-unstable-v1, up to its version 2
 *
 * Requests are their places in the tables, events the places in the listeners.
 */
#ifndef LODGE_SESSION_WAYLAND_OUTPUT_MANAGEMENT_H
#define LODGE_SESSION_WAYLAND_OUTPUT_MANAGEMENT_H

#include <wayland-client-core.h>

#define OUTPUT_MANAGER_NAME    "zwlr_output_manager_v1"
#define OUTPUT_MANAGER_VERSION 2U

extern const struct wl_interface output_manager_interface;
extern const struct wl_interface output_head_interface;
extern const struct wl_interface output_mode_interface;
extern const struct wl_interface output_configuration_interface;
extern const struct wl_interface output_configuration_head_interface;

enum {
	OUTPUT_MANAGER_CREATE_CONFIGURATION,
	OUTPUT_MANAGER_STOP,
};

enum {
	OUTPUT_CONFIGURATION_ENABLE_HEAD,
	OUTPUT_CONFIGURATION_DISABLE_HEAD,
	OUTPUT_CONFIGURATION_APPLY,
	OUTPUT_CONFIGURATION_TEST,
	OUTPUT_CONFIGURATION_DESTROY,
};

enum {
	OUTPUT_CONFIGURATION_HEAD_SET_MODE,
	OUTPUT_CONFIGURATION_HEAD_SET_CUSTOM_MODE,
	OUTPUT_CONFIGURATION_HEAD_SET_POSITION,
	OUTPUT_CONFIGURATION_HEAD_SET_TRANSFORM,
	OUTPUT_CONFIGURATION_HEAD_SET_SCALE,
};

struct output_manager_listener {
	void (*head)(void *data, struct wl_proxy *manager, struct wl_proxy *head);
	void (*done)(void *data, struct wl_proxy *manager, uint32_t serial);
	void (*finished)(void *data, struct wl_proxy *manager);
};

struct output_head_listener {
	void (*name)(void *data, struct wl_proxy *head, const char *name);
	void (*description)(void *data, struct wl_proxy *head, const char *description);
	void (*physical_size)(void *data, struct wl_proxy *head, int32_t width, int32_t height);
	void (*mode)(void *data, struct wl_proxy *head, struct wl_proxy *mode);
	void (*enabled)(void *data, struct wl_proxy *head, int32_t enabled);
	void (*current_mode)(void *data, struct wl_proxy *head, struct wl_proxy *mode);
	void (*position)(void *data, struct wl_proxy *head, int32_t x, int32_t y);
	void (*transform)(void *data, struct wl_proxy *head, int32_t transform);
	void (*scale)(void *data, struct wl_proxy *head, wl_fixed_t scale);
	void (*finished)(void *data, struct wl_proxy *head);
	void (*make)(void *data, struct wl_proxy *head, const char *make);
	void (*model)(void *data, struct wl_proxy *head, const char *model);
	void (*serial_number)(void *data, struct wl_proxy *head, const char *serial_number);
};

struct output_mode_listener {
	void (*size)(void *data, struct wl_proxy *mode, int32_t width, int32_t height);
	void (*refresh)(void *data, struct wl_proxy *mode, int32_t refresh);
	void (*preferred)(void *data, struct wl_proxy *mode);
	void (*finished)(void *data, struct wl_proxy *mode);
};

struct output_configuration_listener {
	void (*succeeded)(void *data, struct wl_proxy *configuration);
	void (*failed)(void *data, struct wl_proxy *configuration);
	void (*cancelled)(void *data, struct wl_proxy *configuration);
};

#endif

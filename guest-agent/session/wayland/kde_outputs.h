/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kde_outputs - tables of KWin's kde-output-device-v2 (up to its version 2), of
 * kde-output-management-v2 (up to 3), kde-primary-output-v1 and kde-output-order-v1
 *
 * Requests are their places in the tables, events the places in the listeners.
 */
#ifndef LODGE_SESSION_WAYLAND_KDE_OUTPUTS_H
#define LODGE_SESSION_WAYLAND_KDE_OUTPUTS_H

#include <wayland-client-core.h>

#define KDE_DEVICE_NAME	       "kde_output_device_v2"
#define KDE_MANAGEMENT_NAME    "kde_output_management_v2"
#define KDE_PRIMARY_NAME       "kde_primary_output_v1"
#define KDE_ORDER_NAME	       "kde_output_order_v1"
#define KDE_DEVICE_VERSION     2U
#define KDE_MANAGEMENT_VERSION 3U

extern const struct wl_interface kde_device_interface;
extern const struct wl_interface kde_mode_interface;
extern const struct wl_interface kde_management_interface;
extern const struct wl_interface kde_configuration_interface;
extern const struct wl_interface kde_primary_interface;
extern const struct wl_interface kde_order_interface;

enum {
	KDE_MANAGEMENT_CREATE_CONFIGURATION,
};

enum {
	KDE_CONFIGURATION_ENABLE,
	KDE_CONFIGURATION_MODE,
	KDE_CONFIGURATION_TRANSFORM,
	KDE_CONFIGURATION_POSITION,
	KDE_CONFIGURATION_SCALE,
	KDE_CONFIGURATION_APPLY,
	KDE_CONFIGURATION_DESTROY,
	KDE_CONFIGURATION_OVERSCAN,
	KDE_CONFIGURATION_SET_VRR_POLICY,
	KDE_CONFIGURATION_SET_RGB_RANGE,
	KDE_CONFIGURATION_SET_PRIMARY_OUTPUT, /* since 2; nothing since 3 */
	KDE_CONFIGURATION_SET_PRIORITY,	      /* since 3: 1 is first */
};

struct kde_device_listener {
	void (*geometry)(void *data, struct wl_proxy *device, int32_t x, int32_t y,
			 int32_t width_mm, int32_t height_mm, int32_t subpixel, const char *make,
			 const char *model, int32_t transform);
	void (*current_mode)(void *data, struct wl_proxy *device, struct wl_proxy *mode);
	void (*mode)(void *data, struct wl_proxy *device, struct wl_proxy *mode);
	void (*done)(void *data, struct wl_proxy *device);
	void (*scale)(void *data, struct wl_proxy *device, wl_fixed_t factor);
	void (*edid)(void *data, struct wl_proxy *device, const char *base64);
	void (*enabled)(void *data, struct wl_proxy *device, int32_t enabled);
	void (*uuid)(void *data, struct wl_proxy *device, const char *uuid);
	void (*serial_number)(void *data, struct wl_proxy *device, const char *serial_number);
	void (*eisa_id)(void *data, struct wl_proxy *device, const char *eisa_id);
	void (*capabilities)(void *data, struct wl_proxy *device, uint32_t flags);
	void (*overscan)(void *data, struct wl_proxy *device, uint32_t percent);
	void (*vrr_policy)(void *data, struct wl_proxy *device, uint32_t policy);
	void (*rgb_range)(void *data, struct wl_proxy *device, uint32_t range);
	void (*name)(void *data, struct wl_proxy *device, const char *name);
};

struct kde_mode_listener {
	void (*size)(void *data, struct wl_proxy *mode, int32_t width, int32_t height);
	void (*refresh)(void *data, struct wl_proxy *mode, int32_t refresh);
	void (*preferred)(void *data, struct wl_proxy *mode);
	void (*removed)(void *data, struct wl_proxy *mode);
};

struct kde_configuration_listener {
	void (*applied)(void *data, struct wl_proxy *configuration);
	void (*failed)(void *data, struct wl_proxy *configuration);
};

struct kde_primary_listener {
	void (*primary_output)(void *data, struct wl_proxy *primary, const char *name);
};

struct kde_order_listener {
	void (*output)(void *data, struct wl_proxy *order, const char *name);
	void (*done)(void *data, struct wl_proxy *order);
};

#endif

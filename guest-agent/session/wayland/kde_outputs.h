/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kde_outputs - tables of KWin's kde-output-device-v2 (up to its version 21), of
 * kde-output-management-v2 (up to 3), kde-primary-output-v1 and kde-output-order-v1
 *
 * Requests are their places in the tables, events the places in the listeners. Until KWin 6.6 each
 * device is a global, of which version 2 is enough. Since 6.7 there is a registry instead, which is
 * bound with 21 or more, and so are the devices that it tells of.
 */
#ifndef LODGE_SESSION_WAYLAND_KDE_OUTPUTS_H
#define LODGE_SESSION_WAYLAND_KDE_OUTPUTS_H

#include <wayland-client-core.h>

#define KDE_DEVICE_NAME	       "kde_output_device_v2"
#define KDE_MANAGEMENT_NAME    "kde_output_management_v2"
#define KDE_PRIMARY_NAME       "kde_primary_output_v1"
#define KDE_ORDER_NAME	       "kde_output_order_v1"
#define KDE_REGISTRY_NAME      "kde_output_device_registry_v2"
#define KDE_DEVICE_VERSION     2U  /* of a global */
#define KDE_REGISTRY_VERSION   21U /* and of its devices */
#define KDE_MANAGEMENT_VERSION 3U

extern const struct wl_interface kde_registry_interface;
extern const struct wl_interface kde_device_interface;
extern const struct wl_interface kde_mode_interface;
extern const struct wl_interface kde_management_interface;
extern const struct wl_interface kde_configuration_interface;
extern const struct wl_interface kde_primary_interface;
extern const struct wl_interface kde_order_interface;

enum {
	KDE_DEVICE_RELEASE, /* since 21 */
};

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

struct kde_registry_listener {
	void (*finished)(void *data, struct wl_proxy *registry);
	void (*output)(void *data, struct wl_proxy *registry, struct wl_proxy *device);
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
	/* Since 3 and later: not heard but named, so that none is missing. */
	void (*high_dynamic_range)(void *data, struct wl_proxy *device, uint32_t enabled);
	void (*sdr_brightness)(void *data, struct wl_proxy *device, uint32_t nits);
	void (*wide_color_gamut)(void *data, struct wl_proxy *device, uint32_t enabled);
	void (*auto_rotate_policy)(void *data, struct wl_proxy *device, uint32_t policy);
	void (*icc_profile_path)(void *data, struct wl_proxy *device, const char *path);
	void (*brightness_metadata)(void *data, struct wl_proxy *device, uint32_t peak,
				    uint32_t average, uint32_t minimum);
	void (*brightness_overrides)(void *data, struct wl_proxy *device, int32_t peak,
				     int32_t average, int32_t minimum);
	void (*sdr_gamut_wideness)(void *data, struct wl_proxy *device, uint32_t wideness);
	void (*color_profile_source)(void *data, struct wl_proxy *device, uint32_t source);
	void (*brightness)(void *data, struct wl_proxy *device, uint32_t brightness);
	void (*color_power_tradeoff)(void *data, struct wl_proxy *device, uint32_t preference);
	void (*dimming)(void *data, struct wl_proxy *device, uint32_t multiplier);
	void (*replication_source)(void *data, struct wl_proxy *device, const char *source);
	void (*ddc_ci_allowed)(void *data, struct wl_proxy *device, uint32_t allowed);
	void (*max_bits_per_color)(void *data, struct wl_proxy *device, uint32_t bits);
	void (*max_bits_per_color_range)(void *data, struct wl_proxy *device, uint32_t least,
					 uint32_t most);
	void (*automatic_max_bits_per_color_limit)(void *data, struct wl_proxy *device,
						   uint32_t bits);
	void (*edr_policy)(void *data, struct wl_proxy *device, uint32_t policy);
	void (*sharpness)(void *data, struct wl_proxy *device, uint32_t sharpness);
	void (*priority)(void *data, struct wl_proxy *device, uint32_t priority);
	void (*auto_brightness)(void *data, struct wl_proxy *device, uint32_t enabled);
	void (*removed)(void *data, struct wl_proxy *device); /* since 21 */
};

struct kde_mode_listener {
	void (*size)(void *data, struct wl_proxy *mode, int32_t width, int32_t height);
	void (*refresh)(void *data, struct wl_proxy *mode, int32_t refresh);
	void (*preferred)(void *data, struct wl_proxy *mode);
	void (*removed)(void *data, struct wl_proxy *mode);
	void (*flags)(void *data, struct wl_proxy *mode, uint32_t flags); /* since 19 */
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

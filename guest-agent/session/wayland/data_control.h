/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * data_control - tables of ext-data-control-v1 and of wlr-data-control-unstable-v1 up to its
 * version 2
 *
 * The two are the same but for their names. Requests are their places in the tables, events the
 * places in the listeners. Primary selections are there since version 2 of wlr's, and always in
 * ext's.
 */
#ifndef LODGE_SESSION_WAYLAND_DATA_CONTROL_H
#define LODGE_SESSION_WAYLAND_DATA_CONTROL_H

#include <wayland-client-core.h>

struct data_control {
	const struct wl_interface *manager, *device, *source, *offer;
	uint32_t primary_since;
};

extern const struct data_control data_control_ext;
extern const struct data_control data_control_wlr;

enum {
	DATA_MANAGER_CREATE_SOURCE,
	DATA_MANAGER_GET_DEVICE,
	DATA_MANAGER_DESTROY,
};

enum {
	DATA_DEVICE_SET_SELECTION,
	DATA_DEVICE_DESTROY,
	DATA_DEVICE_SET_PRIMARY_SELECTION,
};

enum {
	DATA_SOURCE_OFFER,
	DATA_SOURCE_DESTROY,
};

enum {
	DATA_OFFER_RECEIVE,
	DATA_OFFER_DESTROY,
};

struct data_device_listener {
	void (*data_offer)(void *data, struct wl_proxy *device, struct wl_proxy *offer);
	void (*selection)(void *data, struct wl_proxy *device, struct wl_proxy *offer);
	void (*finished)(void *data, struct wl_proxy *device);
	void (*primary_selection)(void *data, struct wl_proxy *device, struct wl_proxy *offer);
};

struct data_source_listener {
	void (*send)(void *data, struct wl_proxy *source, const char *type, int32_t fd);
	void (*cancelled)(void *data, struct wl_proxy *source);
};

struct data_offer_listener {
	void (*offer)(void *data, struct wl_proxy *offer, const char *type);
};

#endif

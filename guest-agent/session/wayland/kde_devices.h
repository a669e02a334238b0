/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kde_devices - what kde-output-device-v2 tells of a screen, into a list of outputs
 */
#ifndef LODGE_SESSION_WAYLAND_KDE_DEVICES_H
#define LODGE_SESSION_WAYLAND_KDE_DEVICES_H

#include "guest-agent/session/wayland/output_list.h"

/* A kde_output_device_v2, which becomes the list's, until its @global is removed; 0: one of the
 * registry's, which says so itself. `changed` of the list is called when something about it has
 * changed. */
void kde_devices_add(struct output_list *list, struct wl_proxy *device, uint32_t global);

#endif

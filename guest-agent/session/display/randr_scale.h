/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * randr_scale - X11's one scale for all screens: "Xft.dpi" among the X resources, which toolkits
 * read
 */
#ifndef LODGE_SESSION_DISPLAY_RANDR_SCALE_H
#define LODGE_SESSION_DISPLAY_RANDR_SCALE_H

#include <stddef.h>
#include <stdint.h>
#include <xcb/xcb.h>

/* 96 dots an inch. */
#define RANDR_SCALE_DPI 96U

/* The scale that resources tell; 1000 if none. */
uint32_t randr_scale_parse(const char *resources);

/* The resources with that scale instead. Return: to be freed; NULL without memory. */
char *randr_scale_edit(const char *resources, uint32_t scale_milli);

/* The root window's. */
uint32_t randr_scale_get(xcb_connection_t *connection, xcb_window_t root);
void randr_scale_set(xcb_connection_t *connection, xcb_window_t root, uint32_t scale_milli);

#endif

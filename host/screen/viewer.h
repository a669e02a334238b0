/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * viewer - somebody who looks at a desktop, by whatever protocol
 *
 * A protocol is a folder or file that makes viewers: struct viewer first in a struct of its own,
 * and operations that the screen calls when something has changed. A viewer asks for changes when
 * it can take them (screen_watch), marks what it was told as damaged, and reads the picture when
 * its connection has room; so a stalled viewer holds up nobody and holds no frames. Any operation
 * may call any function of the screen, also the one that removes the viewer.
 */
#ifndef LODGE_SCREEN_VIEWER_H
#define LODGE_SCREEN_VIEWER_H

#include "host/screen/desktop.h"

struct screen;
struct viewer;

#define VIEWER_KEYS 0x300 /* evdev codes */

struct viewer_ops {
	const char *protocol; /* "vnc", "dbus" */
	/* Size or places of heads differ (desktop->generation); everything is damaged. */
	void (*desktop_changed)(struct viewer *viewer);
	/* The picture has changed there. Only while it watches. */
	void (*damaged)(struct viewer *viewer, const struct rectangle *where);
	/* Image, place or visibility. NULL: not interested. */
	void (*cursor_changed)(struct viewer *viewer);
	/* Bits 1 << LED_NUML, LED_CAPSL, LED_SCROLLL. NULL: not interested. */
	void (*leds_changed)(struct viewer *viewer, uint32_t leds);
	/* The guest, or another viewer, offers other clipboard contents. NULL: not interested. */
	void (*clipboard_changed)(struct viewer *viewer);
	/* What somebody asked for, or how that goes (screen_info). NULL: not interested. */
	void (*status_changed)(struct viewer *viewer);
	/* The screen ends, or the viewer is thrown out: say good-bye if the protocol can, free it.
	 * After screen_remove_viewer(). */
	void (*close)(struct viewer *viewer);
};

struct viewer {
	const struct viewer_ops *ops;
	struct viewer *next;
	struct screen *screen;
	bool watching;
	bool view_only; /* its input and requests are ignored */
	char peer[64];	/* for people: "127.0.0.1:40312", "unix" */

	/* The screen's own; zero to begin with. */
	struct rectangle missed; /* damage while it did not watch */
	uint64_t held[VIEWER_KEYS / 64];
	uint32_t buttons;
};

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest - the host's end of a session with the guest's agent: its screen's layout, its clipboard
 *
 * lodged hands over a connection to the agent, restricted to "display" and "clipboard", each time
 * the agent has come; it ends when the agent goes. What the guest says of its heads is checked, and
 * known here; the clipboard's streams are the clipboard's.
 */
#ifndef LODGE_SCREEN_GUEST_H
#define LODGE_SCREEN_GUEST_H

#include "host/screen/desktop.h"

#include <uv.h>

struct clipboard;
struct guest;
struct session;

struct guest_head {
	bool known; /* the guest has named it */
	bool enabled, primary;
	int32_t x, y;		/* logical, as the desktop counts */
	uint32_t width, height; /* pixels */
	uint32_t scale_milli;	/* 1000: one to one; 0: not known, or leave it */
};

struct guest_layout {
	char session[16]; /* "console", "x11", "wayland", "none"; "" without an agent */
	char desktop[32];
	char backend[16];
	struct guest_head head[DESKTOP_MAX_HEADS];
};

struct guest_handlers {
	/* guest_layout() is another one: also when the agent has gone. */
	void (*layout)(void *owner);
	/* Answer to the guest_apply() of @serial. @error: 0 or an errno. @replug: this desktop
	 * follows a monitor that is unplugged and plugged in again. */
	void (*applied)(void *owner, uint64_t serial, int error, bool replug);
};

/* NULL without memory. @clipboard may be NULL. */
struct guest *guest_new(uv_loop_t *loop, struct clipboard *clipboard,
			const struct guest_handlers *handlers, void *owner);
/* @fd: connected to the agent; becomes the guest's, also on failure. The last one is closed. */
int guest_attach(struct guest *guest, int fd);
/* Who stands in while there is no agent: @spare gives a descriptor of a session with it, as for
 * guest_attach(), or a negative errno. It is asked now, if there is no agent, and each time an
 * agent has gone. NULL: nobody, and who stood in is let go. */
void guest_set_spare(struct guest *guest, int (*spare)(void *owner), void *owner);
const struct guest_layout *guest_layout(const struct guest *guest);

/* Whether there is somebody to set heads. */
bool guest_can_apply(const struct guest *guest);
/* Asks the guest's session for the heads that are known in @layout. Return: 0 and the serial that
 * `applied` will name; -ENOTCONN; -ENOBUFS: it does not read. */
int guest_apply(struct guest *guest, const struct guest_layout *layout, uint64_t *serial);

/* The session, if who is there takes files ("files.receive"); else NULL. */
struct session *guest_takes_files(const struct guest *guest);

/* Before the clipboard. No handler is called. NULL is fine. */
void guest_free(struct guest *guest);

#endif

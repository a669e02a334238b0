/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * display - the desktop's screens, from inside the desktop session
 *
 * The service answers "display.attach" (protocol/display.h): it reports what the desktop makes of
 * its screens, and makes of them what the host wants where the desktop has not done so by itself.
 *
 * How a desktop is spoken with is a backend: one file each in display/, and one line in the table
 * of display.c. The first that starts is the one.
 */
#ifndef LODGE_SESSION_DISPLAY_H
#define LODGE_SESSION_DISPLAY_H

#include "guest-agent/session/session.h"
#include "protocol/head_list.h"

struct display;

struct display_backend {
	const char *name; /* told to the host */
	/* 0 and *state; -ENOTSUP: this desktop is not spoken with in this way. What the desktop's
	 * screens are can be read from here on. */
	int (*start)(const struct service_context *context, struct display *display, void **state);
	void (*stop)(void *state);
	/* The screens that are plugged in. Return: do positions count pixels of modes? Else a
	 * screen takes as many as its pixels divided by its scale. */
	bool (*read)(void *state, struct head_list *heads);
	/* Make them so: @heads are all that `read` gave, with what they shall be. Answered by
	 * display_applied(), later or from within; not called again before that. NULL: never
	 * possible. */
	void (*apply)(void *state, const struct head_list *heads);
	bool has_primary; /* else no screen is the primary one */
	bool replugs;	  /* without `apply`: it follows a monitor that is plugged in again */
	/* How long the desktop may need to follow a monitor by itself. */
	unsigned int grace_ms;
};

/* The backend: something has changed; `read` tells what. */
void display_changed(struct display *display);

/* The backend: that is how `apply` went. @error: 0 or negative errno; -EAGAIN with @text "replug":
 * only a monitor that is plugged in again helps. @text: constant, may be NULL. */
void display_applied(struct display *display, int error, const char *text);

extern const struct display_backend display_mutter;
extern const struct display_backend display_randr;
extern const struct display_backend display_kscreen;
extern const struct display_backend display_wlr;
extern const struct display_backend display_weston;
extern const struct display_backend display_wayland;

extern const struct service session_service_display;

#endif

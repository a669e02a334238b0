/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * display_internal - what display.c (who listens, and the backend) and orders.c (what the host
 * wants) share
 */
#ifndef LODGE_SESSION_DISPLAY_INTERNAL_H
#define LODGE_SESSION_DISPLAY_INTERNAL_H

#include "guest-agent/session/display.h"

#define DISPLAY_ATTACHED_MAX 4

struct order {
	struct stream *stream; /* NULL: none */
	struct head_list want;
};

struct display {
	const struct service_context *context;
	const struct display_backend *backend;
	void *state;
	struct stream *attached[DISPLAY_ATTACHED_MAX]; /* NULL: free */
	struct head_list told;			       /* what all of them know */
	const struct display_backend *told_by;
	uv_timer_t timer;	    /* grace, or the backend's time */
	bool applying;		    /* the backend is at it */
	bool missing;		    /* the order waits for a monitor to be seen */
	struct order order;	    /* being done, or in its grace */
	struct order next;	    /* while the backend is at it */
	struct head_list before;    /* what there was when the order was given */
	unsigned int tries;	    /* the desktop has gone back to that, or never left it */
	struct head_list kept;	    /* the last order that was done: it may yet go back */
	uint64_t kept_until;	    /* ms of the loop's clock; 0: none is */
	struct head_list replugged; /* what is wanted after a replug */
	uint64_t replug_until;	    /* ms of the loop's clock; 0: nothing is */
	uv_timer_t settle;	    /* after the monitor has come back */
	uv_timer_t find;	    /* a backend that can do more */
	uint64_t find_ms;
	unsigned int closing;
};

/* Reads the screens, and tells those who are attached if they are others than before. */
void display_look(struct display *display);

/* An "apply" of @stream: does it, or answers why not; now or later. */
void display_order(struct display *display, struct stream *stream, struct slice params);

/* Nobody waits at @stream any more. */
void display_forget(struct display *display, const struct stream *stream);

#endif

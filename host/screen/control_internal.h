/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control_internal - what control.c and control_wait.c share
 *
 * Nobody else includes this.
 */
#ifndef LODGE_SCREEN_CONTROL_INTERNAL_H
#define LODGE_SCREEN_CONTROL_INTERNAL_H

#include "host/screen/control.h"
#include "protocol/session.h"

struct control_client;
struct control_wait;

struct control {
	struct control_services services;
	struct viewer viewer; /* hears of changes while anybody waits */
	bool is_viewer;
	struct listener *listener;
	struct control_client *clients;
	unsigned int client_count;
	struct control_wait *waits;
	uv_timer_t *timer;
	uint64_t tell_at_ms; /* 0: nothing to tell */
};

/* --- control_wait.c -----------------------------------------------------------------------------
 */

/* Answers "screen.info". */
void control_reply_info(struct control *control, struct stream *stream);
/* @stream is told of changes until it ends; @for_ms not 0: it is answered when no head is on its
 * way any more, at the latest then. */
void control_add_wait(struct control *control, struct stream *stream, uint64_t for_ms);

#endif

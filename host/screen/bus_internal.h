/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bus_internal - what bus_peer.c and bus_input.c share
 *
 * Nobody else includes this.
 */
#ifndef LODGE_SCREEN_BUS_INTERNAL_H
#define LODGE_SCREEN_BUS_INTERNAL_H

#include "host/screen/bus_auth.h"
#include "host/screen/bus_peer.h"
#include "host/screen/bus_queue.h"

struct call {
	struct call *next;
	uint32_t serial;
	bus_peer_reply *reply;
	void *owner;
};

struct bus_peer {
	uv_poll_t poll;
	uv_timer_t limit; /* of the authentication */
	unsigned int handles;
	int fd;
	bool freed, closed, greeted, sending;
	const struct bus_peer_handlers *handlers;
	void *owner;
	struct bus_auth auth;
	uint8_t *input;
	size_t input_length, input_capacity;
	int fds[2 * BUS_PEER_MAX_FDS]; /* received, of messages that are not whole yet */
	size_t fd_count;
	struct bus_queue early;	   /* the authentication's own */
	struct bus_queue messages; /* wait until that is done */
	size_t max_message;
	uint32_t serial;
	struct call *calls;
	unsigned int call_count;
};

/* The peer has gone, or broke the rules: its owner is told, once. */
void bus_peer_end(struct bus_peer *peer, int error);
/* A line of the authentication. */
int bus_peer_send_line(struct bus_peer *peer, const char *line, size_t length);
/* Writes what the socket takes. */
void bus_peer_flush(struct bus_peer *peer);

/* --- bus_input.c --------------------------------------------------------------------------------
 */

/* Takes what has come. */
void bus_peer_read(struct bus_peer *peer);

#endif

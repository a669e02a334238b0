/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * display_internal - what the files of the display share
 *
 *	display.c		lodge-screen's connection, and what it wants
 *	display_send.c		what it is told
 *	display_device.c	what devices set
 *
 * What lodge-screen has to be told is a set of flags a head, guarded by a lock that is held for
 * moments only: devices set them and, if lodge-screen waits for one of them, wake the main loop,
 * which sends packets for as long as the socket takes them.
 */
#ifndef LODGE_VMM_DISPLAY_INTERNAL_H
#define LODGE_VMM_DISPLAY_INTERNAL_H

#include "host/vmm/display.h"
#include "host/vmm/loop.h"

#include <pthread.h>

#define DISPLAY_MAX_OPS 2

struct display_rectangle {
	uint32_t x, y, width, height;
};

struct display_head {
	/* What the device last set. */
	bool enabled;
	uint32_t width, height;
	/* What lodge-screen is to be told. */
	bool scanout_changed, flipped, cursor_changed;
	struct display_rectangle damage; /* none: width 0 */
	bool welcome;			 /* CHANNEL_NEXT has come */
};

struct display {
	struct loop *loop;
	unsigned int heads;
	const uint8_t *ram;
	size_t ram_bytes;
	int ram_fd; /* can only read */
	struct display_area area;
	struct {
		const struct display_ops *ops;
		void *owner;
	} guest[DISPLAY_MAX_OPS];
	unsigned int guests;

	/* The main thread's. */
	int listen_fd, client_fd, wake_fd, timer_fd;
	struct loop_source *listen_source, *client_source, *wake_source, *timer_source;

	pthread_mutex_t lock; /* of what follows */
	struct display_head head[CHANNEL_MAX_HEADS];
	struct display_mode mode[CHANNEL_MAX_HEADS];
	uint32_t leds;
	bool leds_changed, driver;
	bool connected; /* and HELLO was sent */
	bool blocked;	/* the client's socket is full: EPOLLOUT is watched */
	bool pausing;	/* timer_fd runs */
};

/* Has @head something to tell that may be told now? With the lock held. */
bool display_is_due(const struct display *display, const struct display_head *head);

/* Send packets for as long as there are some and the socket takes them. In the main thread, as
 * what follows: wake_fd or timer_fd is readable. */
void display_send(struct display *display);
void display_woken(void *owner, uint32_t events);
void display_pause_is_over(void *owner, uint32_t events);

#endif

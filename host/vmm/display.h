/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * display - the VMM's end of the display channel (host/display/channel.h)
 *
 * It stands between the guest's devices, which run in threads of their own, and lodge-screen, which
 * is served in the main loop, also while the machine is paused. Devices say what has changed; that
 * is remembered, not queued: what lodge-screen does not read costs nothing and holds nobody up.
 * What lodge-screen wants is checked here and handed to the devices.
 *
 * One lodge-screen is connected at a time; a new one takes its place, and keys that the old one
 * held down are released.
 */
#ifndef LODGE_VMM_DISPLAY_H
#define LODGE_VMM_DISPLAY_H

#include "host/vmm/display_area.h"

#include <stddef.h>

struct display;
struct loop;

#define DISPLAY_DEFAULT_HEADS  4
#define DISPLAY_DEFAULT_WIDTH  1280
#define DISPLAY_DEFAULT_HEIGHT 800

/* What a head's monitor is. */
struct display_mode {
	bool enabled;
	uint32_t width, height;	      /* CHANNEL_MIN_SIZE to CHANNEL_MAX_SIZE */
	uint32_t width_mm, height_mm; /* never 0 */
	uint32_t x, y;
};

struct display_setup {
	unsigned int heads;	/* 1 to CHANNEL_MAX_HEADS */
	uint32_t width, height; /* of the first head; the others are unplugged */
	const uint8_t *ram;	/* the guest's, all of it, as descriptor @ram_fd maps it */
	size_t ram_bytes;
	int ram_fd;
};

/* What the devices do for lodge-screen. Called in the main thread; none may wait. */
struct display_ops {
	/* Another mode is to be had from display_mode(). */
	void (*mode_changed)(void *owner);
	/* As the packets of the channel: @code is any number, @x and @y 0 to 32767. */
	void (*key)(void *owner, uint32_t code, bool down);
	void (*pointer)(void *owner, uint32_t x, uint32_t y);
	void (*motion)(void *owner, int32_t dx, int32_t dy);
	void (*button)(void *owner, uint32_t code, bool down);
	void (*wheel)(void *owner, int32_t dx, int32_t dy);
	/* Whoever held keys has gone. */
	void (*release_all)(void *owner);
};

/**
 * display_new() - serve a socket
 * @setup:	@ram must outlive the display
 * @loop:	the main thread's
 * @listen_fd:	of type SEQPACKET; becomes the display's, whatever the result
 * @display:	set on success; freed by display_free(), after the devices
 *
 * Opens descriptors by path: before the sandbox. Return: 0 or negative errno.
 */
int display_new(const struct display_setup *setup, struct loop *loop, int listen_fd,
		struct display **display);
void display_free(struct display *display);

/* @ops: those that are not NULL. Twice: for the display device and for input. Before the loop runs.
 */
int display_add_ops(struct display *display, const struct display_ops *ops, void *owner);

unsigned int display_heads(const struct display *display);

/* --- For devices, in any thread ----------------------------------------------------------------
 */

struct display_mode display_mode(struct display *display, unsigned int head);

/* Where in the guest's RAM, as the channel counts, @host is. */
uint64_t display_ram_offset(const struct display *display, const void *host);

/* The other way round; @offset is of the display. */
const void *display_ram(const struct display *display, uint64_t offset);

/* One thread at a time may call these. @head is in range. */
void display_set_driver(struct display *display, bool present);
void display_set_picture(struct display *display, unsigned int head,
			 const struct display_picture *picture);
void display_set_cursor(struct display *display, unsigned int head,
			const struct display_cursor *cursor, const uint32_t *pixels);

/* Pixels changed; within the head's picture. */
void display_damage(struct display *display, unsigned int head, uint32_t x, uint32_t y,
		    uint32_t width, uint32_t height);

/* Lights of the keyboard, bits by LED_NUML and its like. */
void display_set_leds(struct display *display, uint32_t leds);

#endif

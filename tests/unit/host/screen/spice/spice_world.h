/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_world - an agent that speaks SPICE at one end of a guest's port, and at the other the host
 * of the session that it is translated into
 */
#ifndef LODGE_TEST_SPICE_WORLD_H
#define LODGE_TEST_SPICE_WORLD_H

#include "host/screen/spice/spice_guest_internal.h"
#include "protocol/display.h"
#include "tests/unit/played_end.h"
#include "tests/unit/played_spice.h"

#include <check.h>
#include <sys/types.h>

#define WAIT_MS 30000

struct spice_world {
	uv_loop_t loop;
	uv_timer_t tick, watchdog;
	char folder[64];
	pid_t pids[3]; /* ended with it */
	struct spice_guest *spice;
	struct played_end host;
	unsigned int ended;
	struct stream *display, *clipboard, *write;
	struct display_layout layout;
	char backend[16];
	bool applied;
	struct display_applied how;
	char offered[256];
	uint64_t offered_serial, serial, wants;
	const uint8_t *has;
	size_t has_length, written;
	struct played_spice agent; /* where it is played */
};

/* One request, and all that comes of it. */
struct spice_call {
	bool done, ready;
	int error;
	uint8_t *bytes;
	size_t length;
	const uint8_t *in;
	size_t in_length, sent;
	struct stream *stream;
};

void spice_world_expired(uv_timer_t *timer);
#define WAIT_FOR(world, condition)                                                                 \
	do {                                                                                       \
		uv_timer_start(&(world)->watchdog, spice_world_expired, WAIT_MS, 0);               \
		while (!(condition))                                                               \
			uv_run(&(world)->loop, UV_RUN_ONCE);                                       \
		uv_timer_stop(&(world)->watchdog);                                                 \
	} while (0)
/* Time goes by. */
void spice_world_pass(struct spice_world *world, unsigned int ms);
/* A shell's @command; it ends with the test. The second: in the world's folder. */
pid_t spice_world_spawn(const char *command);
pid_t spice_world_spawn_in(const struct spice_world *world, const char *command);

void spice_world_start(struct spice_world *world);
/* The agent is behind @port, which is the world's now. */
void spice_world_attach(struct spice_world *world, int port);
void spice_world_stop(struct spice_world *world);

/* --- The host --- */

/* Copies @length bytes, which must stay. */
void spice_world_offer(struct spice_world *world, const char *type, const void *bytes,
		       size_t length);
/* Pastes what the guest has copied. */
void spice_world_read(const struct spice_world *world, struct spice_call *call, const char *type);
void spice_world_send_file(const struct spice_world *world, struct spice_call *call,
			   const char *name, const void *bytes, size_t length);
void spice_world_apply(struct spice_world *world, uint32_t width, uint32_t height);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard_world - the clipboard of lodge-session on a real display server, and a host that is
 * played over a socket pair
 */
#ifndef LODGE_TEST_SESSION_CLIPBOARD_WORLD_H
#define LODGE_TEST_SESSION_CLIPBOARD_WORLD_H

#include "guest-agent/session/clipboard.h"
#include "tests/unit/played_end.h"

#define WORLD_WAIT_MS 60000

struct world {
	uv_loop_t loop;
	uv_timer_t tick, watchdog;
	const char *doing; /* for people, when nothing happens any more */
	struct environment environment;
	struct service_context context;
	char folder[64]; /* of this test, removed at its end */
	pid_t server;
	void *service;
	bool over;
	struct played_end host, guest;
	struct stream *attach;
	/* What the desktop has offered. */
	char offered[CLIPBOARD_SELECTIONS][2048]; /* "type type " */
	uint64_t offered_serial[CLIPBOARD_SELECTIONS];
	unsigned int offers[CLIPBOARD_SELECTIONS];
	bool secret;
	/* What the host gives to wants. */
	uint64_t serial;
	const uint8_t *has;
	size_t has_length;
	unsigned int wants;
	char wanted[128];
	int refuses;	      /* an errno: wants are answered by it */
	bool silent;	      /* wants are not answered */
	struct stream *write; /* the last */
	size_t written;
};

/* Is @program in $PATH? Else the test says that it was left out. */
bool world_has(const char *program);

/* An X server of its own; $DISPLAY is set. */
void world_start_x11(struct world *world);
/* sway without any screen of this machine's; $WAYLAND_DISPLAY is set. */
void world_start_sway(struct world *world);
void world_stop(struct world *world);

/* Run the loop until @condition(@world), or fail. */
void world_wait(struct world *world, bool (*condition)(struct world *world));
/* Run the loop for so long. */
void world_pass(struct world *world, unsigned int ms);

/* Run a shell command to its end while the loop runs; its exit status. */
int world_run(struct world *world, const char *command);
/* Run it until it succeeds: what was offered may not have got to the desktop yet. Or fail. */
void world_do(struct world *world, const char *command);
/* A file in the world's folder. */
void world_put(const struct world *world, const char *name, const void *bytes, size_t length);
uint8_t *world_get(const struct world *world, const char *name, size_t *length);

/* The host copies: @types, space-separated. */
void world_offer(struct world *world, enum clipboard_selection selection, const char *types);
/* Wait for an offer of the desktop in which @type is. */
void world_wait_offered(struct world *world, enum clipboard_selection selection, const char *type);
/* The host pastes. Return: 0 or negative errno; *@bytes are malloc()ed. */
int world_read(struct world *world, enum clipboard_selection selection, const char *type,
	       uint8_t **bytes, size_t *length);

/* Bytes that are no text, malloc()ed. */
uint8_t *world_noise(size_t length);
/* What wants are answered with; stays the caller's. */
void world_has_bytes(struct world *world, const void *bytes, size_t length);
void world_check_read(struct world *world, enum clipboard_selection selection, const char *type,
		      const void *expected, size_t length);
void world_check_file(const struct world *world, const char *name, const void *expected,
		      size_t length);

#endif

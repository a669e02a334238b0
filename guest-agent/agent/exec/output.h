/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * output - what a program writes, on its way to a channel of a stream
 *
 * Reads only as much as the host has granted credit for; without credit the program's pipe fills
 * up and the program waits.
 */
#ifndef LODGE_AGENT_EXEC_OUTPUT_H
#define LODGE_AGENT_EXEC_OUTPUT_H

#include "protocol/session.h"

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

struct output {
	uv_poll_t poll;
	int fd;	     /* negative: closed */
	void *owner; /* not used inside */
	struct stream *stream;
	unsigned int channel;
	bool limited; /* only `left` bytes more are of interest */
	size_t left;
	/* End of output: output_close() has to be called, here or before. */
	void (*ended)(struct output *output);
	/* The loop has let go after output_close(). */
	void (*released)(struct output *output);
};

/* @fd: becomes the output's on success. Return: 0 or negative errno. */
int output_open(struct output *output, uv_loop_t *loop, int fd);

/* Move what there is, as far as credit goes; then wait for more of either. */
void output_move(struct output *output);

/* What is in the pipe now is all that is wanted: `ended` comes after it. */
void output_limit(struct output *output);

/* Stop. `released` follows once for each successful output_open(). */
void output_close(struct output *output);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * input - what the host sends, on its way to a program's standard input
 *
 * What the pipe does not take at once is kept, at most a window of it; credit is given back as
 * the pipe takes it.
 */
#ifndef LODGE_AGENT_EXEC_INPUT_H
#define LODGE_AGENT_EXEC_INPUT_H

#include "protocol/session.h"

#include <stdbool.h>
#include <uv.h>

struct input {
	uv_poll_t poll;
	int fd; /* negative: closed */
	struct stream *stream;
	bool terminal; /* its end is the character ^D, and it stays open */
	uint8_t *kept;
	size_t start, end; /* of what is kept */
	bool ending;
	void (*released)(struct input *input);
};

/* @fd: becomes the input's on success. Return: 0 or negative errno. */
int input_open(struct input *input, uv_loop_t *loop, int fd);

/* Bytes on channel 0; consumed and dropped when the program reads no more. */
void input_put(struct input *input, struct slice bytes);

/* No more comes after what is kept. */
void input_end(struct input *input);

/* Stop; drops what is kept. `released` follows once for each successful input_open(). */
void input_close(struct input *input);

#endif

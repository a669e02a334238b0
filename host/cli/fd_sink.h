/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fd_sink - bytes for a descriptor that may be slow
 *
 * Any kind: files are written at once, the rest when it takes more, without blocking the loop and
 * without making the descriptor itself non-blocking, because others may share it.
 */
#ifndef LODGE_CLI_FD_SINK_H
#define LODGE_CLI_FD_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct fd_sink;

struct fd_sink_handlers {
	/* So many bytes have gone out. */
	void (*written)(void *owner, size_t bytes);
	/* Nothing more can be written (-EPIPE: the reader has gone); what waits was dropped and
	 * counts as written. Once. */
	void (*failed)(void *owner, int error);
};

/* @fd stays the caller's. Return: 0 or negative errno. */
int fd_sink_new(uv_loop_t *loop, int fd, const struct fd_sink_handlers *handlers, void *owner,
		struct fd_sink **sink);

/* Copies what does not go out at once. The caller bounds how much that can be (by credit). */
void fd_sink_write(struct fd_sink *sink, const uint8_t *bytes, size_t length);

bool fd_sink_is_empty(const struct fd_sink *sink);

/* Memory goes when the loop has let go; what waits is dropped. NULL is fine. */
void fd_sink_free(struct fd_sink *sink);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fd_source - bytes of a descriptor, as fast as they are wanted
 *
 * Any kind: a terminal, pipe or socket is read when it has something, a regular file while the loop
 * is idle. The descriptor is not made non-blocking, because others may share it.
 */
#ifndef LODGE_CLI_FD_SOURCE_H
#define LODGE_CLI_FD_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct fd_source;

struct fd_source_handlers {
	/* How many bytes are welcome now; after 0, fd_source_wake() asks again. */
	size_t (*room)(void *owner);
	/* At most `room` bytes. */
	void (*data)(void *owner, const uint8_t *bytes, size_t length);
	/* End of file (0), or a negative errno; nothing comes after it. */
	void (*end)(void *owner, int error);
};

/* @fd stays the caller's. Return: 0 or negative errno. */
int fd_source_new(uv_loop_t *loop, int fd, const struct fd_source_handlers *handlers, void *owner,
		  struct fd_source **source);

/* There may be room again. NULL is fine. */
void fd_source_wake(struct fd_source *source);

/* Memory goes when the loop has let go. Safe in any handler. NULL is fine. */
void fd_source_free(struct fd_source *source);

#endif

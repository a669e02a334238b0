/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A screen with a viewer that looks at every pixel, and a source whose other end the target plays.
 */
#ifndef LODGE_FUZZ_FUZZED_SOURCE_H
#define LODGE_FUZZ_FUZZED_SOURCE_H

#include "tests/fuzz/checked_viewer.h"
#include "tests/fuzz/input.h"

#include <sys/socket.h>
#include <unistd.h>

struct fuzzed_source {
	uv_loop_t loop;
	struct screen *screen;
	struct checked_viewer viewer;
	int fd; /* the other end */
	struct slice input;
};

/* As vnc_source_new() and its like are. */
typedef int (*fuzzed_source_new)(struct screen *screen, int fd, struct source **made);

static inline void fuzzed_say(struct fuzzed_source *fuzzed, const void *bytes, size_t length)
{
	(void)send(fuzzed->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Lets the source work, and hears what it says. */
static inline void fuzzed_turn(struct fuzzed_source *fuzzed)
{
	uint8_t heard[4096];

	for (int i = 0; i < 3; i++)
		uv_run(&fuzzed->loop, UV_RUN_NOWAIT);
	while (recv(fuzzed->fd, heard, sizeof(heard), MSG_DONTWAIT) > 0)
		;
}

/* @type: of the socket, SOCK_STREAM or SOCK_SEQPACKET. */
static inline void fuzzed_begin(struct fuzzed_source *fuzzed, int type, fuzzed_source_new make)
{
	struct source *source;
	int pair[2];

	fuzzed->viewer.viewer.ops = &checked_viewer_ops;
	if (uv_loop_init(&fuzzed->loop) < 0 ||
	    socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	fuzzed->fd = pair[0];
	fuzzed->screen = screen_new(&fuzzed->loop, "fuzz");
	screen_set_patience(fuzzed->screen, 0);
	if (make(fuzzed->screen, pair[1], &source) < 0)
		abort();
	screen_set_source(fuzzed->screen, source);
	(void)screen_add_viewer(fuzzed->screen, &fuzzed->viewer.viewer);
	screen_watch(&fuzzed->viewer.viewer, true);
}

/* Whether there is more to do. */
static inline bool fuzzed_goes_on(const struct fuzzed_source *fuzzed)
{
	return fuzzed->input.length > 0 && !fuzzed->viewer.gone;
}

static inline void fuzzed_hang_up(struct fuzzed_source *fuzzed)
{
	fuzzed_turn(fuzzed);
	close(fuzzed->fd);
	for (int i = 0; i < 3; i++)
		uv_run(&fuzzed->loop, UV_RUN_NOWAIT);
}

/* Aborts where something has been left on the loop. */
static inline void fuzzed_end(struct fuzzed_source *fuzzed)
{
	screen_free(fuzzed->screen);
	uv_run(&fuzzed->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&fuzzed->loop) < 0)
		abort();
}

/* A viewer's acts, whatever the source. */

static inline void fuzzed_watch(struct fuzzed_source *fuzzed)
{
	screen_watch(&fuzzed->viewer.viewer, input_byte(&fuzzed->input) & 1);
}

static inline void fuzzed_set_size(struct fuzzed_source *fuzzed)
{
	struct source *source = screen_source(fuzzed->screen);
	const bool off = input_byte(&fuzzed->input) & 1;
	struct rectangle place = {0};

	place.width = input_byte(&fuzzed->input);
	place.height = input_byte(&fuzzed->input);
	source->ops->set_mode(source, 0, !off, &place, 0, 0);
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * progress - a bar on a terminal, for what takes longer than a second
 *
 * Nothing is shown in the first second, nor where standard error is no terminal.
 */
#ifndef LODGE_CLI_PROGRESS_H
#define LODGE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	const char *title; /* the caller's; clean */
	uint64_t done_bytes;
	uint64_t total_bytes; /* 0: not known */
	uint64_t items;	      /* files so far; 0: not shown */

	uint64_t started_ns, drawn_ns;
	bool on_terminal;
	bool shown;
};

void progress_start(struct progress *progress, const char *title);

/* After the numbers changed; draws a few times a second. */
void progress_update(struct progress *progress);

/* Takes the bar away, if there is one. */
void progress_end(struct progress *progress);

/**
 * progress_line() - the bar as text
 * @elapsed_ns:	since the start
 * @width:	characters it may take
 * @line:	receives it, NUL-terminated, cut to @capacity
 */
void progress_line(const struct progress *progress, uint64_t elapsed_ns, size_t width, char *line,
		   size_t capacity);

#endif

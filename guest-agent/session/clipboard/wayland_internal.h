/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wayland_internal - the clipboard's two transfers over pipes; wayland.c has the rest
 */
#ifndef LODGE_SESSION_CLIPBOARD_WAYLAND_INTERNAL_H
#define LODGE_SESSION_CLIPBOARD_WAYLAND_INTERNAL_H

#include "guest-agent/session/clipboard.h"

/* --- wayland_pipe.c ------------------------------------------------------------------------- */

struct pipe_reads;
struct pipe_writes;

/* @fd: the reading end, becomes ours; what comes out of it is for @read. */
void pipe_read_begin(struct pipe_reads **list, uv_loop_t *loop, struct clipboard_read *read,
		     int fd);
void pipe_read_more(struct pipe_reads *list, const struct clipboard_read *read);
void pipe_read_cancel(struct pipe_reads **list, const struct clipboard_read *read);
/* At the end of the backend: nobody is told. */
void pipe_read_drop_all(struct pipe_reads **list);

/* Give @fd (becomes ours) what the host has copied, as @type. */
void pipe_write_begin(struct pipe_writes **list, uv_loop_t *loop, struct clipboard *clipboard,
		      enum clipboard_selection selection, const char *type, int fd);
void pipe_write_drop_all(struct pipe_writes **list);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dax_window - memory that is pieces of files, for a guest to reach without asking
 *
 * A range of our address space that KVM shows to the guest (a BAR above RAM). Somebody else's
 * requests put pieces of files into it and take them out again; each is one mmap() over what was
 * there, so that there is never a hole in which another mapping of this process could come to lie.
 * Where no piece is, there is the sink: a small piece of memory, over and over again, so that a
 * guest that touches what it may not finds nothing, and costs nothing.
 *
 * A file may be cut short while it is mapped. Who then touches pages behind its end gets SIGBUS, or
 * EFAULT from KVM; or waits in KVM, which tries again and again while a guest has interrupts on. So
 * each access that failed comes to dax_window_repair(), which puts the sink in the place of these
 * pages and keeps the mapping aside; dax_window_retry() does the same from time to time, and puts
 * back what is there again. What can be repaired is an absent page; a page that cannot be written
 * (the disk is full) is not.
 *
 * All functions may be called by any thread, but for new and free.
 */
#ifndef LODGE_VMM_DAX_WINDOW_H
#define LODGE_VMM_DAX_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAX_PAGE_BYTES 4096

/* Pieces for which there is room: a window of 2 MiB pieces, and some. The kernel has a limit on
 * mappings of a process, which a window must not use up. */
#define DAX_PIECE_BYTES	    (2U << 20)
#define DAX_PIECES_TO_SPARE 64

/* How soon to retry after a repair; and when to look at files that are well. */
#define DAX_RETRY_MS 50
#define DAX_LOOK_MS  500

struct dax_window;

/**
 * dax_window_new() - reserve a window; nothing is mapped in it
 * @size_bytes:	a multiple of DAX_PIECE_BYTES
 *
 * Return: 0 or negative errno.
 */
int dax_window_new(size_t size_bytes, struct dax_window **window);

/* The guest must not reach it any more. NULL is fine. */
void dax_window_free(struct dax_window *window);

void *dax_window_host(const struct dax_window *window);
size_t dax_window_size(const struct dax_window *window);

/**
 * dax_window_map() - put a piece of a file into the window
 * @offset:	in the window; takes the place of what is there
 * @length:	of the piece; it may go beyond the file's end
 * @fd:		a regular file; taken over if it is kept, to know how long it is
 * @writable:	whether the guest may write; @fd must be open for that
 *
 * All numbers are somebody else's. Return: 0; -EINVAL if they are not multiples of pages, or not
 * inside the window; -EBADF if @fd is no regular file; -ENOSPC for too many pieces; or the negative
 * errno of mmap(). On failure all is as before, but what was in the place may be gone.
 */
int dax_window_map(struct dax_window *window, uint64_t offset, uint64_t length, int *fd,
		   uint64_t file_offset, bool writable);

/* Take pieces, and parts of pieces, out; fine where there are none. Return: 0 or -EINVAL. */
int dax_window_unmap(struct dax_window *window, uint64_t offset, uint64_t length);

/* Take all out. */
void dax_window_clear(struct dax_window *window);

/**
 * dax_window_repair() - an access failed: see to it that it will not, if that can be done
 * @address:	of the access, in this process; NULL: not known, any piece
 * @force:	put the sink in the place of the page even if it can be read: a write failed, and is
 *		better lost than to end the process
 *
 * Async-signal-safe for a fault in code that does not hold the window's lock: all but this file.
 *
 * Return: whether anything was repaired; then dax_window_retry() is due in DAX_RETRY_MS.
 */
bool dax_window_repair(struct dax_window *window, const void *address, bool force);

/* A file may have grown: put back what is there again of it, before somebody relies on it. Numbers
 * as of stat(2); a file that is not in the window is none of ours. */
void dax_window_settle(struct dax_window *window, uint64_t device, uint64_t inode);

/* Put aside what has gone, put back what is there again. Return: when to do it again, in ms; 0:
 * not before something is mapped. */
unsigned int dax_window_retry(struct dax_window *window);

#endif

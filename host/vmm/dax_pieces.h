/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dax_pieces - the inside of a dax_window: which piece of which file lies where
 *
 * The list of pieces, and the files they are of. All of it with the window's lock held.
 */
#ifndef LODGE_VMM_DAX_PIECES_H
#define LODGE_VMM_DAX_PIECES_H

#include "host/vmm/dax_window.h"

#include <pthread.h>
#include <sys/stat.h>

/* Larger: fewer mappings for an empty window. Smaller: less that a guest can fill. */
#define DAX_SINK_BYTES (32UL << 20)

/* A file of which there are pieces: kept open to know how long it is. */
struct dax_file {
	dev_t device;
	ino_t inode;
	int fd;
	unsigned int pieces;
	struct dax_file *next;
};

/* Sorted, never overlapping. Two that touch stay two. */
struct dax_piece {
	uint64_t start, end;
	struct dax_file *file; /* NULL: too many are open */
	uint64_t file_offset;
	bool writable;
	bool missing; /* the sink is in its place, and the mapping in the window's shadow */
};

struct dax_window {
	uint8_t *base;
	uint8_t *shadow; /* as large; nobody reads it */
	size_t size_bytes;
	int sink_fd;
	pthread_mutex_t lock; /* guards all below, and what is mapped */
	struct dax_file *files;
	size_t open_files, max_open_files;
	size_t count, capacity;
	struct dax_piece piece[];
};

/* Keep the file open, by @fd or by what is open already. NULL: it cannot be. */
struct dax_file *dax_hold_file(struct dax_window *window, const struct stat *status, int *fd);
void dax_release_file(struct dax_window *window, struct dax_file *file);

/* The first piece that ends after @offset. */
size_t dax_find(const struct dax_window *window, uint64_t offset);
void dax_insert(struct dax_window *window, size_t at, struct dax_piece piece);
/* Let a piece begin at @offset if one goes over it. There must be room for one more. */
void dax_split(struct dax_window *window, uint64_t offset);
void dax_drop(struct dax_window *window, const struct dax_piece *piece);
/* Forget the pieces between; the sink is not mapped yet. Needs room for two more. */
void dax_forget(struct dax_window *window, uint64_t start, uint64_t end);
/* The piece and the one before it become one where nothing is between them: a file that grows bit
 * by bit must not use the list up. */
bool dax_join(struct dax_window *window, size_t at);

/* --- The mappings --- */

/* The sink takes the place of what is there. */
void dax_map_sink(struct dax_window *window, uint64_t start, uint64_t end);
void dax_clear_shadow(struct dax_window *window, uint64_t start, uint64_t end);
/* Return: whether it is a regular file. */
bool dax_look_at(int fd, struct stat *status);

#endif

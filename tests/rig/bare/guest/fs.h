/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fs - a virtio file system (virtio 1.2, 5.11), with ../fs.py behind it instead of one
 *
 * A request is an operation and three numbers, an answer one number.
 */
#ifndef BARE_FS_H
#define BARE_FS_H

#include "virtio.h"

#define FS_MAX_QUEUES 5
#define FS_ANSWER_MS  20000 /* the other side is a script, on a busy machine */
#define FS_NO_ANSWER  UINT64_MAX
#define FS_REFUSED    0xe0000000ULL /* and an errno */

enum fs_operation {
	FS_ECHO = 1,
	FS_MAP,	     /* offset in the window, length, place in the file: | 1: to be written */
	FS_UNMAP,    /* offset, length */
	FS_TRUNCATE, /* size */
	FS_FILL,     /* at each place its own number, and one */
	FS_READ,     /* place */
	FS_DIE,
	FS_STALL,
	FS_SPEAK, /* unasked */
	FS_ERROR, /* say that the ring is no good */
	FS_DIE_AT_RESET,
};

struct fs {
	struct virtio device;
	struct virtqueue queue[FS_MAX_QUEUES];
	uint64_t window, window_bytes; /* 0 if there is none */
};

/* All queues; queue N has MSI-X entry N + 1 if @interrupts. */
bool fs_start(struct fs *fs, bool interrupts);
/* Return: head of the chain, -1 if there is no room. */
int fs_submit(struct fs *fs, unsigned queue, enum fs_operation operation, uint64_t first,
	      uint64_t second, uint64_t third, volatile uint64_t **answer);
uint64_t fs_do(struct fs *fs, enum fs_operation operation, uint64_t first, uint64_t second,
	       uint64_t third);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * block - a disk's bytes, read and written asynchronously
 *
 * A disk (raw.h makes one from a file or block device) turns requests into steps that an engine
 * carries out: io_uring, or threads where that is refused. A request may take several steps, when
 * the kernel does less than asked or cannot do a thing at once.
 *
 * All calls are made in the thread of the loop that block_start() was given, and so are the
 * requests' `done`. Engines write to the requests' buffers until then.
 */
#ifndef LODGE_VMM_BLOCK_BLOCK_H
#define LODGE_VMM_BLOCK_BLOCK_H

#include "host/vmm/loop.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum block_operation {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_FLUSH,
	BLOCK_DISCARD,	    /* contents no longer matter */
	BLOCK_WRITE_ZEROES, /* may_unmap: space may be given back */
};

/* The caller's, until `done` is called. */
struct block_request {
	enum block_operation operation;
	uint64_t offset;     /* in bytes; offset and length lie within the disk */
	uint64_t length;     /* in bytes; the sum of iov */
	struct iovec *iov;   /* changed while the request is on its way */
	unsigned int pieces; /* at most BLOCK_MAX_PIECES */
	bool durable;	     /* a write or zeroes are done when on stable storage */
	bool may_unmap;
	/* @result: 0 or negative errno. */
	void (*done)(struct block_request *request, int result);

	/* The disk's and the engine's. */
	struct block_request *next;
	struct iovec zero_iov[1];
	bool by_writing;
	int result;
};

#define BLOCK_MAX_PIECES 256

struct block_geometry {
	uint64_t size_bytes;	      /* multiple of 512 */
	uint32_t logical_block_bytes; /* smallest unit: power of two, at least 512 */
	uint32_t physical_block_bytes;
	uint32_t discard_granularity_bytes;
	bool read_only;
};

struct block;

const struct block_geometry *block_geometry(const struct block *block);

/* "io_uring" or "threads". */
const char *block_engine_name(const struct block *block);

/* Begin to serve; starts threads. Return: 0 or negative errno. */
int block_start(struct block *block, struct loop *loop, bool sandboxed);

/**
 * block_submit() - hand over a request
 *
 * It goes to the kernel with block_commit() at the latest. `done` is called later, never from here.
 */
void block_submit(struct block *block, struct block_request *request);
void block_commit(struct block *block);

/* Wait until all that was submitted is done. */
void block_drain(struct block *block);

/* Nothing is in flight. Flushes, closes. NULL is fine. */
void block_free(struct block *block);

#endif

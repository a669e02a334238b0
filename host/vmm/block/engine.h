/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * block engine - carries out one step of a request on a descriptor
 *
 * The step a request asks for is in its fields: operation, offset, length, iov. When it is done,
 * request->result is what the system call gave (bytes or negative errno), and `complete` is called
 * in the loop's thread; it may submit further steps.
 */
#ifndef LODGE_VMM_BLOCK_ENGINE_H
#define LODGE_VMM_BLOCK_ENGINE_H

#include "host/vmm/block/block.h"

struct block_engine;

typedef void (*block_complete)(void *owner, struct block_request *request);

struct block_engine_ops {
	const char *name;
	int (*start)(struct block_engine *engine, struct loop *loop, bool sandboxed);
	void (*submit)(struct block_engine *engine, struct block_request *request);
	void (*commit)(struct block_engine *engine);
	/* Wait for at least one completion and report it, and others that are there. */
	void (*wait)(struct block_engine *engine);
	void (*free)(struct block_engine *engine);
};

/* First member of each engine. */
struct block_engine {
	const struct block_engine_ops *ops;
	int fd; /* the disk's; stays its */
	block_complete complete;
	void *owner;
};

/* What fallocate() is to do for a discard or write-zeroes request. */
int block_fallocate_mode(const struct block_request *request);

/* Return: 0; -ENOSYS, -EPERM or another negative errno where the kernel refuses io_uring. */
int uring_engine_new(int fd, block_complete complete, void *owner, struct block_engine **engine);
int thread_engine_new(int fd, block_complete complete, void *owner, struct block_engine **engine);

#endif

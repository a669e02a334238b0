/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request becomes one step or more:
 *  - reads and writes that the kernel did in part go on with the rest;
 *  - discards that the disk cannot do are dropped, as they may be;
 *  - zeroes that it cannot make by itself are written.
 */
#include "host/vmm/block/raw.h"

#include "host/vmm/block/engine.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define SECTOR_BYTES 512

/* Zeroes to write from; read-only, so it costs no memory of its own. */
#define ZERO_BYTES (256 * 1024)
static const uint8_t zeroes[ZERO_BYTES];

struct block {
	int fd;
	struct block_geometry geometry;
	struct block_engine *engine;
	unsigned int in_flight;
	bool cannot_punch, cannot_zero; /* what fallocate() refused once */
};

int block_fallocate_mode(const struct block_request *request)
{
	bool unmap = request->operation == BLOCK_DISCARD || request->may_unmap;

	return (unmap ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE) | FALLOC_FL_KEEP_SIZE;
}

static void finish(struct block *block, struct block_request *request, int result)
{
	block->in_flight--;
	request->done(request, result);
}

/* The next piece of zeroes, as a write. */
static void step_zeroes(struct block *block, struct block_request *request)
{
	request->by_writing = true;
	request->zero_iov[0] = (struct iovec){
		.iov_base = (void *)(uintptr_t)zeroes,
		.iov_len = MIN(request->length, sizeof(zeroes)),
	};
	request->iov = request->zero_iov;
	request->pieces = 1;
	block->engine->ops->submit(block->engine, request);
}

/* @done bytes of the request are behind us. */
static void advance(struct block_request *request, size_t done)
{
	request->offset += done;
	request->length -= done;
	while (request->pieces > 0 && done >= request->iov->iov_len) {
		done -= request->iov->iov_len;
		request->iov++;
		request->pieces--;
	}
	if (request->pieces > 0) {
		request->iov->iov_base = (char *)request->iov->iov_base + done;
		request->iov->iov_len -= done;
	}
}

static void complete_transfer(struct block *block, struct block_request *request)
{
	if (request->result == 0 && request->length > 0)
		request->result = -EIO; /* the file has become shorter under us */
	if (request->result < 0) {
		finish(block, request, request->result);
		return;
	}
	advance(request, (size_t)request->result);
	if (request->length == 0)
		finish(block, request, 0);
	else if (request->by_writing)
		step_zeroes(block, request);
	else
		block->engine->ops->submit(block->engine, request);
}

static bool is_unsupported(int result)
{
	return result == -EOPNOTSUPP || result == -ENOSYS || result == -ENODEV;
}

static void complete_fallocate(struct block *block, struct block_request *request)
{
	bool punched = block_fallocate_mode(request) & FALLOC_FL_PUNCH_HOLE;

	if (request->result == 0 && request->durable) {
		request->operation = BLOCK_FLUSH;
		block->engine->ops->submit(block->engine, request);
		return;
	}
	if (!is_unsupported(request->result)) {
		finish(block, request, request->result);
		return;
	}
	if (punched)
		block->cannot_punch = true;
	else
		block->cannot_zero = true;
	if (request->operation == BLOCK_DISCARD)
		finish(block, request, 0);
	else
		step_zeroes(block, request);
}

static void complete_step(void *owner, struct block_request *request)
{
	struct block *block = owner;

	if (request->result == -EINTR || request->result == -EAGAIN)
		block->engine->ops->submit(block->engine, request);
	else if (request->operation == BLOCK_FLUSH)
		finish(block, request, request->result);
	else if (request->operation <= BLOCK_WRITE || request->by_writing)
		complete_transfer(block, request);
	else
		complete_fallocate(block, request);
}

void block_submit(struct block *block, struct block_request *request)
{
	bool punches = request->operation == BLOCK_WRITE_ZEROES && request->may_unmap;

	assert(request->pieces <= BLOCK_MAX_PIECES);
	block->in_flight++;
	request->by_writing = false;
	if (request->operation == BLOCK_WRITE_ZEROES &&
	    (punches ? block->cannot_punch : block->cannot_zero))
		step_zeroes(block, request);
	else
		block->engine->ops->submit(block->engine, request);
}

void block_commit(struct block *block)
{
	block->engine->ops->commit(block->engine);
}

void block_drain(struct block *block)
{
	while (block->in_flight > 0) {
		block->engine->ops->commit(block->engine);
		block->engine->ops->wait(block->engine);
	}
}

int block_start(struct block *block, struct loop *loop, bool sandboxed)
{
	return block->engine->ops->start(block->engine, loop, sandboxed);
}

const struct block_geometry *block_geometry(const struct block *block)
{
	return &block->geometry;
}

const char *block_engine_name(const struct block *block)
{
	return block->engine->ops->name;
}

void block_free(struct block *block)
{
	if (!block)
		return;
	assert(block->in_flight == 0);
	block->engine->ops->free(block->engine);
	if (!block->geometry.read_only && fdatasync(block->fd) < 0)
		log_error("a disk could not be flushed at the end: %s", error_text(errno));
	close(block->fd);
	free(block);
}

static int measure_file(const struct stat *status, struct block_geometry *geometry)
{
	uint64_t size = (uint64_t)status->st_size;

	geometry->size_bytes = size - size % SECTOR_BYTES;
	geometry->logical_block_bytes = SECTOR_BYTES;
	/* What the file system reads and writes at once; space is given back in such pieces too. */
	geometry->physical_block_bytes = 4096;
	geometry->discard_granularity_bytes = 4096;
	return 0;
}

static int measure_device(int fd, struct block_geometry *geometry)
{
	int logical = 0;
	unsigned int physical = 0;
	uint64_t size = 0;

	if (ioctl(fd, BLKGETSIZE64, &size) < 0 || ioctl(fd, BLKSSZGET, &logical) < 0 ||
	    ioctl(fd, BLKPBSZGET, &physical) < 0)
		return -errno;
	if (logical < SECTOR_BYTES || physical < (unsigned int)logical)
		return -EINVAL;
	geometry->size_bytes = size - size % (uint64_t)logical;
	geometry->logical_block_bytes = (uint32_t)logical;
	geometry->physical_block_bytes = physical;
	geometry->discard_granularity_bytes = physical;
	return 0;
}

static int measure(int fd, struct block_geometry *geometry)
{
	struct stat status;
	int result = -ENOTBLK;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (S_ISREG(status.st_mode))
		result = measure_file(&status, geometry);
	else if (S_ISBLK(status.st_mode))
		result = measure_device(fd, geometry);
	if (result == 0 && geometry->size_bytes == 0)
		return -EINVAL;
	return result;
}

static int make_engine(struct block *block, enum raw_engine engine)
{
	int result = -ENOSYS;

	if (engine != RAW_ENGINE_THREADS)
		result = uring_engine_new(block->fd, complete_step, block, &block->engine);
	if (result < 0 && engine != RAW_ENGINE_URING)
		result = thread_engine_new(block->fd, complete_step, block, &block->engine);
	return result;
}

int raw_open(int fd, bool read_only, enum raw_engine engine, struct block **block)
{
	_cleanup_free_ struct block *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return -ENOMEM;
	made->fd = fd;
	made->geometry.read_only = read_only;
	result = measure(fd, &made->geometry);
	if (result < 0)
		return result;
	result = make_engine(made, engine);
	if (result < 0)
		return result;
	*block = take_ptr(made);
	return 0;
}

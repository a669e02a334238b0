/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * raw - a disk that is a file or a block device, byte for byte
 *
 * Nothing in the file is interpreted: a guest that writes the header of an image format into it
 * does not change what it is.
 */
#ifndef LODGE_VMM_BLOCK_RAW_H
#define LODGE_VMM_BLOCK_RAW_H

#include "host/vmm/block/block.h"

enum raw_engine {
	RAW_ENGINE_BEST, /* io_uring where the kernel lets us */
	RAW_ENGINE_URING,
	RAW_ENGINE_THREADS,
};

/**
 * raw_open() - make a disk of an open file
 * @fd:		regular file or block device, open for reading, and for writing unless
 *		@read_only; becomes the disk's if it succeeds
 *
 * Return: 0; -ENOTBLK if it is neither; -EINVAL if it holds not even one sector; or another
 * negative errno.
 */
int raw_open(int fd, bool read_only, enum raw_engine engine, struct block **block);

#endif

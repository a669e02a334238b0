/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * iov - bytes that lie in pieces
 *
 * The lengths were checked and are ours; the bytes may be a peer's, and change.
 */
#ifndef LODGE_BASE_IOV_H
#define LODGE_BASE_IOV_H

#include <stddef.h>
#include <sys/uio.h>

/* Copy from @offset on, up to @size bytes. Return: bytes copied, fewer where the pieces end. */
size_t iov_read(const struct iovec *iov, size_t count, size_t offset, void *bytes, size_t size);
size_t iov_write(const struct iovec *iov, size_t count, size_t offset, const void *bytes,
		 size_t size);

/**
 * iov_slice() - the pieces of a part
 * @offset, @size:	the part, wholly inside
 * @slice:		room for @count pieces; may be @iov itself
 *
 * Return: number of pieces in @slice.
 */
unsigned int iov_slice(const struct iovec *iov, size_t count, size_t offset, size_t size,
		       struct iovec *slice);

#endif

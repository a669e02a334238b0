/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * iov - bytes that lie in pieces
 *
 * Lengths were checked by virtqueue_pop() and are ours; the bytes are the guest's.
 */
#ifndef LODGE_VMM_VIRTIO_IOV_H
#define LODGE_VMM_VIRTIO_IOV_H

#include <stddef.h>
#include <sys/uio.h>

/* Copy from @offset on, up to @size bytes. Return: bytes copied, fewer where the pieces end. */
size_t iov_read(const struct iovec *iov, unsigned int count, size_t offset, void *bytes,
		size_t size);
size_t iov_write(const struct iovec *iov, unsigned int count, size_t offset, const void *bytes,
		 size_t size);

/**
 * iov_slice() - the pieces of a part
 * @offset, @size:	the part, wholly inside
 * @slice:		room for @count pieces; may be @iov itself
 *
 * Return: number of pieces in @slice.
 */
unsigned int iov_slice(const struct iovec *iov, unsigned int count, size_t offset, size_t size,
		       struct iovec *slice);

#endif

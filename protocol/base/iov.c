/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/iov.h"

#include "protocol/base/bytes.h"

size_t iov_read(const struct iovec *iov, size_t count, size_t offset, void *bytes, size_t size)
{
	size_t copied = 0;

	for (size_t i = 0; i < count && copied < size; i++) {
		size_t piece;

		if (offset >= iov[i].iov_len) {
			offset -= iov[i].iov_len;
			continue;
		}
		piece = MIN(iov[i].iov_len - offset, size - copied);
		memcpy((char *)bytes + copied, (const char *)iov[i].iov_base + offset, piece);
		copied += piece;
		offset = 0;
	}
	return copied;
}

size_t iov_write(const struct iovec *iov, size_t count, size_t offset, const void *bytes,
		 size_t size)
{
	size_t copied = 0;

	for (size_t i = 0; i < count && copied < size; i++) {
		size_t piece;

		if (offset >= iov[i].iov_len) {
			offset -= iov[i].iov_len;
			continue;
		}
		piece = MIN(iov[i].iov_len - offset, size - copied);
		memcpy((char *)iov[i].iov_base + offset, (const char *)bytes + copied, piece);
		copied += piece;
		offset = 0;
	}
	return copied;
}

unsigned int iov_slice(const struct iovec *iov, size_t count, size_t offset, size_t size,
		       struct iovec *slice)
{
	unsigned int pieces = 0;

	for (size_t i = 0; i < count && size > 0; i++) {
		struct iovec piece = iov[i];

		if (offset >= piece.iov_len) {
			offset -= piece.iov_len;
			continue;
		}
		piece.iov_base = (char *)piece.iov_base + offset;
		piece.iov_len = MIN(piece.iov_len - offset, size);
		offset = 0;
		size -= piece.iov_len;
		slice[pieces++] = piece;
	}
	return pieces;
}

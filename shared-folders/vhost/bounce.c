/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/vhost/bounce.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <linux/fuse.h>
#include <sys/mman.h>

/* Both headers are in memory, and it is one of the requests that carry data. */
static bool carries_data(const struct server_call *call)
{
	struct fuse_in_header header;

	if (call->in_count == 0 || !call->in[0].iov_base || call->in[0].iov_len < sizeof(header) ||
	    call->out_count == 0 || !call->out[0].iov_base ||
	    call->out[0].iov_len < sizeof(struct fuse_out_header))
		return false;
	memcpy(&header, call->in[0].iov_base, sizeof(header));
	return header.opcode == FUSE_READ || header.opcode == FUSE_WRITE;
}

static size_t count_wild(const struct iovec *iov, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		if (!iov[i].iov_base)
			bytes += iov[i].iov_len;
	return bytes;
}

static void release(struct vhost_bounce *bounce)
{
	if (bounce->bytes)
		munmap(bounce->bytes, bounce->size);
	cleanup_close(&bounce->memory);
	*bounce = (struct vhost_bounce){0};
}

static int make(struct vhost_bounce *bounce)
{
	void *bytes;

	bounce->memory = memfd_create("lodge-bounce", MFD_CLOEXEC);
	if (bounce->memory < 0 || ftruncate(bounce->memory, (off_t)bounce->size) < 0)
		return -errno;
	bytes = mmap(NULL, bounce->size, PROT_READ | PROT_WRITE, MAP_SHARED, bounce->memory, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	bounce->bytes = bytes;
	return 0;
}

/* Give addresses to the wild ones of @count pieces, from *@at on; @fetch what is there. */
static int place(struct vhost_bounce *bounce, struct iovec *iov, const uint64_t *gpa, size_t count,
		 size_t *at, bool fetch)
{
	int result = 0;

	for (size_t i = 0; i < count && result == 0; i++) {
		if (iov[i].iov_base)
			continue;
		if (fetch)
			result = vhost_window_copy(bounce->window, gpa[i], iov[i].iov_len,
						   bounce->memory, *at, false);
		iov[i].iov_base = bounce->bytes + *at;
		*at += iov[i].iov_len;
	}
	return result;
}

int vhost_bounce_begin(struct vhost_bounce *bounce, struct vhost_window *window,
		       const struct server_call *call, struct iovec *iov, const uint64_t *gpa)
{
	size_t wild = count_wild(call->in, call->in_count) + count_wild(call->out, call->out_count);
	size_t at = 0;
	int result;

	if (!window || !carries_data(call) || wild > VHOST_BOUNCE_MAX)
		return -EFAULT;
	*bounce = (struct vhost_bounce){.window = window, .gpa = gpa, .size = wild};
	result = make(bounce);
	if (result == 0)
		result = place(bounce, iov, gpa, call->in_count, &at, true);
	if (result == 0)
		result = place(bounce, iov + call->in_count, gpa + call->in_count, call->out_count,
			       &at, false);
	if (result < 0)
		release(bounce);
	return result;
}

/* One piece, of which @length bytes were written. */
static int give_back(const struct vhost_bounce *bounce, const struct iovec *piece, uint64_t gpa,
		     size_t length)
{
	const uint8_t *bytes = piece->iov_base;

	if (bytes < bounce->bytes || bytes >= bounce->bytes + bounce->size || length == 0)
		return 0;
	return vhost_window_copy(bounce->window, gpa, length, bounce->memory,
				 (uint64_t)(bytes - bounce->bytes), true);
}

static size_t answer_fault(const struct server_call *call)
{
	struct fuse_out_header answer;

	memcpy(&answer, call->out[0].iov_base, sizeof(answer));
	answer.len = sizeof(answer);
	answer.error = -EFAULT;
	memcpy(call->out[0].iov_base, &answer, sizeof(answer));
	return sizeof(answer);
}

size_t vhost_bounce_end(struct vhost_bounce *bounce, const struct server_call *call, size_t length)
{
	size_t left = length;
	int result = 0;

	if (!bounce->bytes)
		return length;
	for (size_t i = 0; i < call->out_count && result == 0; i++) {
		size_t written = MIN(left, call->out[i].iov_len);

		result = give_back(bounce, &call->out[i], bounce->gpa[call->in_count + i], written);
		left -= written;
	}
	release(bounce);
	return result < 0 ? answer_fault(call) : length;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/fuse/request.h"

#include "protocol/base/bytes.h"
#include "protocol/base/iov.h"

#include <errno.h>
#include <string.h>

/* Where in the message we are, and what is left of it. */
struct cursor {
	const struct iovec *iov;
	size_t count;
	size_t at;
	size_t left;
};

size_t fuse_iov_bytes(const struct iovec *iov, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		if (add_overflows(bytes, iov[i].iov_len, &bytes))
			return SIZE_MAX;
	return bytes;
}

static int take(struct cursor *cursor, void *to, size_t bytes)
{
	if (bytes > cursor->left)
		return -EINVAL;
	if (iov_read(cursor->iov, cursor->count, cursor->at, to, bytes) != bytes)
		return -EINVAL;
	cursor->at += bytes;
	cursor->left -= bytes;
	return 0;
}

/* Copy a text ended by a zero byte to @to, which has room for @max bytes and the zero. */
static int take_text(struct cursor *cursor, char *to, size_t max)
{
	size_t bytes = MIN(cursor->left, max + 1);
	const char *end;

	if (iov_read(cursor->iov, cursor->count, cursor->at, to, bytes) != bytes)
		return -EINVAL;
	end = memchr(to, '\0', bytes);
	if (!end)
		return cursor->left > max ? -ENAMETOOLONG : -EINVAL;
	bytes = (size_t)(end - to) + 1;
	cursor->at += bytes;
	cursor->left -= bytes;
	return 0;
}

bool fuse_name_is_component(const char *name)
{
	return name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       !strchr(name, '/');
}

static int take_name(struct cursor *cursor, char *to)
{
	int r = take_text(cursor, to, FUSE_NAME_MAX_BYTES);

	if (r < 0)
		return r;
	return fuse_name_is_component(to) ? 0 : -EINVAL;
}

static int take_tail(struct cursor *cursor, struct fuse_request *request)
{
	char *first = request->text, *second = request->text + FUSE_NAME_MAX_BYTES + 1;
	size_t bytes;
	int r;

	switch (request->info->tail) {
	case FUSE_TAIL_NONE:
		return cursor->left == 0 ? 0 : -EINVAL;
	case FUSE_TAIL_NAME:
	case FUSE_TAIL_TWO_NAMES:
	case FUSE_TAIL_NAME_AND_TARGET:
		r = take_name(cursor, first);
		if (r < 0)
			return r;
		request->name = first;
		if (request->info->tail != FUSE_TAIL_NAME) {
			request->second = second;
			r = request->info->tail == FUSE_TAIL_TWO_NAMES
				    ? take_name(cursor, second)
				    : take_text(cursor, second, FUSE_TARGET_MAX_BYTES);
			if (r < 0)
				return r;
			if (second[0] == '\0')
				return -ENOENT; /* as symlink(2) says of an empty target */
		}
		return cursor->left == 0 ? 0 : -EINVAL;
	case FUSE_TAIL_IGNORED_NAME:
		r = take_text(cursor, first, FUSE_NAME_MAX_BYTES);
		if (r < 0)
			return r;
		return cursor->left == 0 ? 0 : -EINVAL;
	case FUSE_TAIL_XATTR:
	case FUSE_TAIL_XATTR_AND_BYTES:
		r = take_text(cursor, first, FUSE_NAME_MAX_BYTES);
		if (r < 0)
			return r == -ENAMETOOLONG ? -ERANGE : r; /* as setxattr(2) says */
		if (first[0] == '\0')
			return -ERANGE;
		request->name = first;
		bytes = request->info->tail == FUSE_TAIL_XATTR ? 0 : request->setxattr.size;
		break;
	case FUSE_TAIL_BYTES:
		switch (request->header.opcode) {
		case FUSE_WRITE:
			bytes = request->write.size;
			break;
		case FUSE_IOCTL:
			bytes = request->ioctl.in_size;
			break;
		default:
			bytes = request->retrieve.size;
		}
		break;
	case FUSE_TAIL_FORGETS:
		bytes = request->batch_forget.count * sizeof(struct fuse_forget_one);
		break;
	case FUSE_TAIL_MAPPINGS:
		bytes = request->removemapping.count * sizeof(struct fuse_removemapping_one);
		break;
	default:
		return -ENOSYS;
	}
	if (bytes != cursor->left)
		return -EINVAL;
	request->payload_at = cursor->at;
	request->payload_bytes = bytes;
	return 0;
}

_Static_assert(sizeof(struct fuse_setattr_in) <= sizeof(((struct fuse_request *)0)->arguments),
	       "the longest arguments have room");

int fuse_request_decode(const struct iovec *iov, size_t count, bool setxattr_ext, size_t max_bytes,
			struct fuse_request *request)
{
	struct cursor cursor = {.iov = iov, .count = count, .left = fuse_iov_bytes(iov, count)};
	size_t arguments;
	int r;

	if (take(&cursor, &request->header, sizeof(request->header)) < 0)
		return -EBADMSG;
	request->info = fuse_opcode(request->header.opcode);
	request->name = NULL;
	request->second = NULL;
	request->payload_at = 0;
	request->payload_bytes = 0;
	if (request->header.len < sizeof(request->header) ||
	    request->header.len - sizeof(request->header) > cursor.left)
		return -EINVAL;
	if (request->header.len > max_bytes)
		return -E2BIG;
	if (!request->info)
		return -ENOSYS;
	cursor.left = request->header.len - sizeof(request->header);

	arguments = request->info->arguments;
	if (request->header.opcode == FUSE_SETXATTR && setxattr_ext)
		arguments = sizeof(struct fuse_setxattr_in);
	memset(request->arguments, 0, sizeof(request->arguments));
	if (cursor.left < arguments && cursor.left >= request->info->arguments_minimum)
		arguments = cursor.left;
	r = take(&cursor, request->arguments, arguments);
	if (r < 0)
		return r;
	/* Later versions may say more when they say who they are. */
	if (request->header.opcode == FUSE_INIT)
		return 0;
	return take_tail(&cursor, request);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/fuse/ahead.h"

#include <fcntl.h>
#include <string.h>

/* A file that is written in one piece is most likely looked at next; a long one is not. */
#define WHOLE_MAX_BYTES (64U << 10)

/* The fixed arguments of a request, as far as there are any. */
#define ARGUMENTS(request, length, to)                                                             \
	((length) >= sizeof(struct fuse_in_header) + sizeof(*(to)) &&                              \
	 memcpy(to, (const uint8_t *)(request) + sizeof(struct fuse_in_header), sizeof(*(to))))

static bool after_create(const void *request, size_t length, const uint8_t *reply,
			 size_t reply_length, struct fuse_ahead *ahead)
{
	struct fuse_create_in in;
	struct fuse_entry_out entry;
	struct fuse_open_out open;

	if (reply_length != sizeof(struct fuse_out_header) + sizeof(entry) + sizeof(open) ||
	    !ARGUMENTS(request, length, &in))
		return false;
	memcpy(&entry, reply + sizeof(struct fuse_out_header), sizeof(entry));
	memcpy(&open, reply + sizeof(struct fuse_out_header) + sizeof(entry), sizeof(open));
	ahead->flags = FUSE_AHEAD_ATTRIBUTES | FUSE_AHEAD_QUIET;
	if (in.flags & O_EXCL)
		ahead->flags |= FUSE_AHEAD_NEW;
	ahead->file = entry.nodeid;
	ahead->handle = open.fh;
	return true;
}

static bool after_open(const struct fuse_in_header *header, const uint8_t *reply,
		       size_t reply_length, struct fuse_ahead *ahead)
{
	struct fuse_open_out open;

	if (reply_length != sizeof(struct fuse_out_header) + sizeof(open))
		return false;
	memcpy(&open, reply + sizeof(struct fuse_out_header), sizeof(open));
	ahead->flags = FUSE_AHEAD_QUIET;
	ahead->file = header->nodeid;
	ahead->handle = open.fh;
	return true;
}

static bool after_write(const void *request, size_t length, struct fuse_ahead *ahead)
{
	struct fuse_write_in in;

	ahead->flags = FUSE_AHEAD_ATTRIBUTES;
	return ARGUMENTS(request, length, &in) && in.offset == 0 && in.size <= WHOLE_MAX_BYTES;
}

bool fuse_ahead_after(const void *request, size_t length, const void *reply, size_t reply_length,
		      struct fuse_ahead *ahead)
{
	struct fuse_in_header header;
	struct fuse_out_header out;

	if (length < sizeof(header) || reply_length < sizeof(out))
		return false;
	memcpy(&header, request, sizeof(header));
	memcpy(&out, reply, sizeof(out));
	if (out.error != 0)
		return false;
	*ahead = (struct fuse_ahead){.unique = header.unique, .node = header.nodeid};
	switch (header.opcode) {
	case FUSE_CREATE:
		return after_create(request, length, reply, reply_length, ahead);
	case FUSE_OPEN:
		return after_open(&header, reply, reply_length, ahead);
	case FUSE_WRITE:
		return after_write(request, length, ahead);
	case FUSE_MKDIR:
	case FUSE_MKNOD:
	case FUSE_SYMLINK:
	case FUSE_LINK:
	case FUSE_UNLINK:
	case FUSE_RMDIR:
		ahead->flags = FUSE_AHEAD_ATTRIBUTES;
		return true;
	default:
		return false;
	}
}

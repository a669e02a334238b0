/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ahead - what a kernel is about to ask, answered before it does
 *
 * A kernel asks one thing after another, and by the stream each is a long way. Whoever makes files
 * asks after each for the attributes of its folder, for a capability that a new file cannot have,
 * and tells of a close that nobody has to know of. So a server adds to some replies a message of
 * what comes next, and the mounter (shared-folders/relay/known.h) answers that by itself while
 * nothing has happened in between. Only mounters that said so (share_open.ahead) get any.
 */
#ifndef LODGE_SHARED_FOLDERS_FUSE_AHEAD_H
#define LODGE_SHARED_FOLDERS_FUSE_AHEAD_H

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>

/* fuse_out_header.error of a message with unique 0, whose body is a fuse_ahead. */
#define FUSE_AHEAD 0x4c02

enum {
	FUSE_AHEAD_ATTRIBUTES = 1 << 0, /* `node` has `attributes` after what was asked for */
	FUSE_AHEAD_NEW = 1 << 1,	/* `file` was just made: it has no capability */
	FUSE_AHEAD_QUIET = 1 << 2, /* FLUSH of `handle` of `file` does nothing but free locks */
};

struct fuse_ahead {
	uint64_t unique; /* of the request whose reply came just before */
	uint32_t flags;
	uint32_t padding;
	uint64_t node;
	uint64_t file, handle;
	struct fuse_attr_out attributes;
};

/**
 * fuse_ahead_after() - what comes next, after a request was carried out
 * @request:	whole, as it was served
 * @reply:	whole
 * @ahead:	set on success, but for the attributes, which are to be asked for, and for
 *		FUSE_AHEAD_QUIET, which is set where it may be so
 *
 * Return: false: nothing that is worth a message.
 */
bool fuse_ahead_after(const void *request, size_t length, const void *reply, size_t reply_length,
		      struct fuse_ahead *ahead);

#endif

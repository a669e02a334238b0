/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * request - one FUSE request, copied out of memory that its sender may change meanwhile
 *
 * Everything that is looked at (header, fixed arguments, names) is copied once and then checked;
 * what is only passed on (WRITE's bytes, values of attributes, arrays) stays where it is, with a
 * length that was checked. A request whose parts are not exactly as long as its header says is
 * refused.
 */
#ifndef LODGE_SHARED_FOLDERS_FUSE_REQUEST_H
#define LODGE_SHARED_FOLDERS_FUSE_REQUEST_H

#include "shared-folders/fuse/opcode.h"

#include <stdbool.h>
#include <sys/uio.h>

struct fuse_request {
	struct fuse_in_header header;
	const struct fuse_opcode_info *info;
	union {
		uint8_t arguments[96]; /* as many as info says, then zeros */
		struct fuse_forget_in forget;
		struct fuse_getattr_in getattr;
		struct fuse_setattr_in setattr;
		struct fuse_mknod_in mknod;
		struct fuse_mkdir_in mkdir;
		struct fuse_rename_in rename;
		struct fuse_rename2_in rename2; /* RENAME's too: without flags */
		struct fuse_link_in link;
		struct fuse_open_in open;
		struct fuse_read_in read;
		struct fuse_write_in write;
		struct fuse_release_in release;
		struct fuse_fsync_in fsync;
		struct fuse_setxattr_in setxattr;
		struct fuse_getxattr_in getxattr;
		struct fuse_flush_in flush;
		struct fuse_init_in init;
		struct fuse_lk_in lk;
		struct fuse_access_in access;
		struct fuse_create_in create; /* TMPFILE's too */
		struct fuse_interrupt_in interrupt;
		struct fuse_bmap_in bmap;
		struct fuse_ioctl_in ioctl;
		struct fuse_poll_in poll;
		struct fuse_notify_retrieve_in retrieve;
		struct fuse_batch_forget_in batch_forget;
		struct fuse_fallocate_in fallocate;
		struct fuse_lseek_in lseek;
		struct fuse_copy_file_range_in copy;
		struct fuse_setupmapping_in setupmapping;
		struct fuse_removemapping_in removemapping;
		struct fuse_syncfs_in syncfs;
		struct fuse_statx_in statx;
	};
	/* Ended by zero bytes, in text[]; NULL where there is none. */
	const char *name;
	const char *second; /* the new name, or the target */
	/* What follows: iov_read() from payload_at on, of the pieces that were decoded. */
	size_t payload_at;
	size_t payload_bytes;
	char text[FUSE_NAME_MAX_BYTES + 1 + FUSE_TARGET_MAX_BYTES + 1];
};

/**
 * fuse_request_decode() - take a request apart
 * @iov, @count:	its bytes; may change while they are read
 * @setxattr_ext:	FUSE_SETXATTR_EXT was agreed on
 * @max_bytes:		the longest message that is taken
 * @request:		filled in; it points into itself
 *
 * Return: 0. -EBADMSG: not even the header is whole, nothing can be answered. Else @request has a
 * header, and this is the answer: -ENOSYS no such request, -EINVAL its lengths do not fit or a
 * name is none ("", ".", "..", one with a slash), -ENAMETOOLONG, -E2BIG.
 */
int fuse_request_decode(const struct iovec *iov, size_t count, bool setxattr_ext, size_t max_bytes,
			struct fuse_request *request);

/* Return: the bytes in all pieces; SIZE_MAX where the sum does not fit. */
size_t fuse_iov_bytes(const struct iovec *iov, size_t count);

/* Whether @name (ended by a zero byte) is one component of a path that names something in it. */
bool fuse_name_is_component(const char *name);

#endif

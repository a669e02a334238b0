/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/fuse/opcode.h"

#include "protocol/base/bytes.h"

/* One row an opcode: OPCODE(NAME, fixed arguments, tail, reply, bytes of the reply). */
#define OPCODE(id, in, tail_, reply_, out)                                                         \
	[FUSE_##id] = {.name = #id,                                                                \
		       .arguments = (in),                                                          \
		       .arguments_minimum = (in),                                                  \
		       .tail = FUSE_TAIL_##tail_,                                                  \
		       .reply = FUSE_REPLY_##reply_,                                               \
		       .reply_bytes = (out)}

#define ENTRY  sizeof(struct fuse_entry_out)
#define ATTR   sizeof(struct fuse_attr_out)
#define OPENED sizeof(struct fuse_open_out)

static const struct fuse_opcode_info opcodes[] = {
	OPCODE(LOOKUP, 0, NAME, FIXED, ENTRY),
	OPCODE(FORGET, sizeof(struct fuse_forget_in), NONE, NEVER, 0),
	OPCODE(GETATTR, sizeof(struct fuse_getattr_in), NONE, FIXED, ATTR),
	OPCODE(SETATTR, sizeof(struct fuse_setattr_in), NONE, FIXED, ATTR),
	OPCODE(READLINK, 0, NONE, TEXT, FUSE_TARGET_MAX_BYTES),
	OPCODE(SYMLINK, 0, NAME_AND_TARGET, FIXED, ENTRY),
	OPCODE(MKNOD, sizeof(struct fuse_mknod_in), NAME, FIXED, ENTRY),
	OPCODE(MKDIR, sizeof(struct fuse_mkdir_in), NAME, FIXED, ENTRY),
	OPCODE(UNLINK, 0, NAME, FIXED, 0),
	OPCODE(RMDIR, 0, NAME, FIXED, 0),
	OPCODE(RENAME, sizeof(struct fuse_rename_in), TWO_NAMES, FIXED, 0),
	OPCODE(LINK, sizeof(struct fuse_link_in), NAME, FIXED, ENTRY),
	OPCODE(OPEN, sizeof(struct fuse_open_in), NONE, FIXED, OPENED),
	OPCODE(READ, sizeof(struct fuse_read_in), NONE, DATA, 0),
	OPCODE(WRITE, sizeof(struct fuse_write_in), BYTES, FIXED, sizeof(struct fuse_write_out)),
	OPCODE(STATFS, 0, NONE, FIXED, sizeof(struct fuse_statfs_out)),
	OPCODE(RELEASE, sizeof(struct fuse_release_in), NONE, FIXED, 0),
	OPCODE(FSYNC, sizeof(struct fuse_fsync_in), NONE, FIXED, 0),
	/* Its arguments are longer after FUSE_SETXATTR_EXT: see request.c. */
	OPCODE(SETXATTR, FUSE_COMPAT_SETXATTR_IN_SIZE, XATTR_AND_BYTES, FIXED, 0),
	OPCODE(GETXATTR, sizeof(struct fuse_getxattr_in), XATTR, XATTR, 0),
	OPCODE(LISTXATTR, sizeof(struct fuse_getxattr_in), NONE, XATTR, 0),
	OPCODE(REMOVEXATTR, 0, XATTR, FIXED, 0),
	OPCODE(FLUSH, sizeof(struct fuse_flush_in), NONE, FIXED, 0),
	[FUSE_INIT] = {.name = "INIT",
		       .arguments = sizeof(struct fuse_init_in),
		       .arguments_minimum = offsetof(struct fuse_init_in, flags2),
		       .reply = FUSE_REPLY_INIT,
		       .reply_bytes = sizeof(struct fuse_init_out)},
	OPCODE(OPENDIR, sizeof(struct fuse_open_in), NONE, FIXED, OPENED),
	OPCODE(READDIR, sizeof(struct fuse_read_in), NONE, DATA, 0),
	OPCODE(RELEASEDIR, sizeof(struct fuse_release_in), NONE, FIXED, 0),
	OPCODE(FSYNCDIR, sizeof(struct fuse_fsync_in), NONE, FIXED, 0),
	OPCODE(GETLK, sizeof(struct fuse_lk_in), NONE, FIXED, sizeof(struct fuse_lk_out)),
	OPCODE(SETLK, sizeof(struct fuse_lk_in), NONE, FIXED, 0),
	OPCODE(SETLKW, sizeof(struct fuse_lk_in), NONE, FIXED, 0),
	OPCODE(ACCESS, sizeof(struct fuse_access_in), NONE, FIXED, 0),
	OPCODE(CREATE, sizeof(struct fuse_create_in), NAME, FIXED, ENTRY + OPENED),
	OPCODE(INTERRUPT, sizeof(struct fuse_interrupt_in), NONE, NEVER, 0),
	OPCODE(BMAP, sizeof(struct fuse_bmap_in), NONE, FIXED, sizeof(struct fuse_bmap_out)),
	OPCODE(DESTROY, 0, NONE, FIXED, 0),
	OPCODE(IOCTL, sizeof(struct fuse_ioctl_in), BYTES, DATA, 0),
	OPCODE(POLL, sizeof(struct fuse_poll_in), NONE, FIXED, sizeof(struct fuse_poll_out)),
	OPCODE(NOTIFY_REPLY, sizeof(struct fuse_notify_retrieve_in), BYTES, NEVER, 0),
	OPCODE(BATCH_FORGET, sizeof(struct fuse_batch_forget_in), FORGETS, NEVER, 0),
	OPCODE(FALLOCATE, sizeof(struct fuse_fallocate_in), NONE, FIXED, 0),
	OPCODE(READDIRPLUS, sizeof(struct fuse_read_in), NONE, DATA, 0),
	OPCODE(RENAME2, sizeof(struct fuse_rename2_in), TWO_NAMES, FIXED, 0),
	OPCODE(LSEEK, sizeof(struct fuse_lseek_in), NONE, FIXED, sizeof(struct fuse_lseek_out)),
	OPCODE(COPY_FILE_RANGE, sizeof(struct fuse_copy_file_range_in), NONE, FIXED,
	       sizeof(struct fuse_write_out)),
	OPCODE(SETUPMAPPING, sizeof(struct fuse_setupmapping_in), NONE, FIXED, 0),
	OPCODE(REMOVEMAPPING, sizeof(struct fuse_removemapping_in), MAPPINGS, FIXED, 0),
	OPCODE(SYNCFS, sizeof(struct fuse_syncfs_in), NONE, FIXED, 0),
	OPCODE(STATX, sizeof(struct fuse_statx_in), NONE, FIXED, sizeof(struct fuse_statx_out)),
	OPCODE(TMPFILE, sizeof(struct fuse_create_in), IGNORED_NAME, FIXED, ENTRY + OPENED),
};

const struct fuse_opcode_info *fuse_opcode(uint32_t opcode)
{
	if (opcode >= ARRAY_SIZE(opcodes) || !opcodes[opcode].name)
		return NULL;
	return &opcodes[opcode];
}

/* How many bytes the arguments ask for. */
static uint32_t asked(const struct fuse_opcode_info *info, const void *arguments)
{
	size_t at;

	if (info->arguments == sizeof(struct fuse_read_in))
		at = offsetof(struct fuse_read_in, size);
	else if (info->arguments == sizeof(struct fuse_getxattr_in))
		at = offsetof(struct fuse_getxattr_in, size);
	else
		return load_le32((const char *)arguments +
				 offsetof(struct fuse_ioctl_in, out_size));
	return load_le32((const char *)arguments + at);
}

size_t fuse_reply_body_max(const struct fuse_opcode_info *info, const void *arguments)
{
	switch (info->reply) {
	case FUSE_REPLY_NEVER:
		return 0;
	case FUSE_REPLY_XATTR:
		return MAX((size_t)asked(info, arguments), sizeof(struct fuse_getxattr_out));
	case FUSE_REPLY_DATA:
		return (size_t)asked(info, arguments) +
		       (info == &opcodes[FUSE_IOCTL] ? sizeof(struct fuse_ioctl_out) : 0);
	case FUSE_REPLY_FIXED:
	case FUSE_REPLY_TEXT:
	case FUSE_REPLY_INIT:
		break;
	}
	return info->reply_bytes;
}

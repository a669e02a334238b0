/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who carries out which request: one line each. */
#include "protocol/base/bytes.h"
#include "shared-folders/server/internal.h"

static const operation operations[] = {
	[FUSE_INIT] = init_op,
	[FUSE_DESTROY] = destroy_op,
	[FUSE_INTERRUPT] = interrupt_op,

	[FUSE_LOOKUP] = lookup_op,
	[FUSE_FORGET] = forget_op,
	[FUSE_BATCH_FORGET] = batch_forget_op,

	[FUSE_GETATTR] = getattr_op,
	[FUSE_SETATTR] = setattr_op,
	[FUSE_STATFS] = statfs_op,
	[FUSE_ACCESS] = access_op,
	[FUSE_READLINK] = readlink_op,
	[FUSE_STATX] = statx_op,

	[FUSE_MKNOD] = mknod_op,
	[FUSE_MKDIR] = mkdir_op,
	[FUSE_SYMLINK] = symlink_op,
	[FUSE_LINK] = link_op,
	[FUSE_CREATE] = create_op,
	[FUSE_TMPFILE] = tmpfile_op,

	[FUSE_UNLINK] = unlink_op,
	[FUSE_RMDIR] = rmdir_op,
	[FUSE_RENAME] = rename_op,
	[FUSE_RENAME2] = rename_op,

	[FUSE_OPENDIR] = opendir_op,
	[FUSE_READDIR] = readdir_op,
	[FUSE_READDIRPLUS] = readdirplus_op,
	[FUSE_RELEASEDIR] = releasedir_op,
	[FUSE_FSYNCDIR] = fsyncdir_op,

	[FUSE_OPEN] = open_op,
	[FUSE_RELEASE] = release_op,
	[FUSE_FLUSH] = flush_op,
	[FUSE_FSYNC] = fsync_op,
	[FUSE_SYNCFS] = syncfs_op,
	[FUSE_IOCTL] = ioctl_op,

	[FUSE_READ] = read_op,
	[FUSE_WRITE] = write_op,

	[FUSE_FALLOCATE] = fallocate_op,
	[FUSE_LSEEK] = lseek_op,
	[FUSE_COPY_FILE_RANGE] = copy_file_range_op,

	[FUSE_SETXATTR] = setxattr_op,
	[FUSE_GETXATTR] = getxattr_op,
	[FUSE_LISTXATTR] = listxattr_op,
	[FUSE_REMOVEXATTR] = removexattr_op,

	[FUSE_GETLK] = getlk_op,
	[FUSE_SETLK] = setlk_op,
	[FUSE_SETLKW] = setlkw_op,

	[FUSE_SETUPMAPPING] = setupmapping_op,
	[FUSE_REMOVEMAPPING] = removemapping_op,
};

operation operation_of(uint32_t opcode)
{
	return opcode < ARRAY_SIZE(operations) ? operations[opcode] : NULL;
}

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

	[FUSE_MKNOD] = mknod_op,
	[FUSE_MKDIR] = mkdir_op,
	[FUSE_SYMLINK] = symlink_op,
	[FUSE_LINK] = link_op,
	[FUSE_CREATE] = create_op,

	[FUSE_UNLINK] = unlink_op,
	[FUSE_RMDIR] = rmdir_op,
	[FUSE_RENAME] = rename_op,
	[FUSE_RENAME2] = rename_op,

	[FUSE_OPENDIR] = opendir_op,
	[FUSE_READDIR] = readdir_op,
	[FUSE_READDIRPLUS] = readdirplus_op,
	[FUSE_RELEASEDIR] = releasedir_op,
	[FUSE_FSYNCDIR] = fsyncdir_op,
};

operation operation_of(uint32_t opcode)
{
	return opcode < ARRAY_SIZE(operations) ? operations[opcode] : NULL;
}

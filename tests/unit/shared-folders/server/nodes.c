/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/shared-folders/server/nodes.h"

int node_forget(struct peer *peer, uint64_t node, uint64_t count)
{
	struct fuse_forget_in in = {.nlookup = count};

	return PEER_CALL(peer, .opcode = FUSE_FORGET, .node = node, .arguments = &in,
			 .arguments_bytes = sizeof(in));
}

int node_getattr(struct peer *peer, uint64_t node)
{
	struct fuse_getattr_in in = {0};

	return PEER_CALL(peer, .opcode = FUSE_GETATTR, .node = node, .arguments = &in,
			 .arguments_bytes = sizeof(in));
}

int node_make_folder(struct peer *peer, uint64_t parent, const char *name)
{
	struct fuse_mkdir_in in = {.mode = 0755};

	return PEER_CALL(peer, .opcode = FUSE_MKDIR, .node = parent, .arguments = &in,
			 .arguments_bytes = sizeof(in), .name = name);
}

int node_make(struct peer *peer, uint64_t parent, const char *name, uint32_t mode)
{
	struct fuse_mknod_in in = {.mode = mode, .rdev = 0x103};

	return PEER_CALL(peer, .opcode = FUSE_MKNOD, .node = parent, .arguments = &in,
			 .arguments_bytes = sizeof(in), .name = name);
}

int node_move(struct peer *peer, uint64_t from, const char *name, uint64_t to, const char *new_name,
	      uint32_t flags)
{
	struct fuse_rename2_in in = {.newdir = to, .flags = flags};

	return PEER_CALL(peer, .opcode = FUSE_RENAME2, .node = from, .arguments = &in,
			 .arguments_bytes = sizeof(in), .name = name, .second = new_name);
}

int node_setattr(struct peer *peer, uint64_t node, const struct fuse_setattr_in *in)
{
	return PEER_CALL(peer, .opcode = FUSE_SETATTR, .node = node, .arguments = in,
			 .arguments_bytes = sizeof(*in));
}

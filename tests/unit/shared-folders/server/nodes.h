/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls of a peer about nodes and what they are named. Each returns the reply's error, 0 or
   negative; 1: there was no reply. */
#ifndef LODGE_UNIT_SHARED_FOLDERS_SERVER_NODES_H
#define LODGE_UNIT_SHARED_FOLDERS_SERVER_NODES_H

#include "tests/unit/shared-folders/server/peer.h"

#define ROOT FUSE_ROOT_ID

int node_forget(struct peer *peer, uint64_t node, uint64_t count);
int node_getattr(struct peer *peer, uint64_t node);
int node_setattr(struct peer *peer, uint64_t node, const struct fuse_setattr_in *in);
int node_make_folder(struct peer *peer, uint64_t parent, const char *name);
int node_make(struct peer *peer, uint64_t parent, const char *name, uint32_t mode);
int node_move(struct peer *peer, uint64_t from, const char *name, uint64_t to, const char *new_name,
	      uint32_t flags);

#endif

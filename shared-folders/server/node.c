/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inodes for the time of a scope, with their descriptors. */
#include "shared-folders/server/inode.h"

int node_begin(struct node *node, struct server *server, uint64_t id)
{
	int r = inode_get(server, id, &node->inode);

	node->server = server;
	if (r < 0)
		return r;
	node->descriptor = inode_descriptor_get(server, node->inode);
	return MIN(node->descriptor, 0);
}

int node_begin_folder(struct node *node, struct server *server, uint64_t id)
{
	int r = inode_get(server, id, &node->inode);

	node->server = server;
	if (r < 0)
		return r;
	if (node->inode->type != S_IFDIR)
		return -ENOTDIR;
	node->descriptor = inode_descriptor_get(server, node->inode);
	return MIN(node->descriptor, 0);
}

void node_end(struct node *node)
{
	if (!node->inode)
		return;
	if (node->descriptor >= 0)
		inode_descriptor_put(node->server, node->inode);
	inode_put(node->server, node->inode);
	node->inode = NULL;
}

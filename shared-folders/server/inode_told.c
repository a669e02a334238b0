/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inodes for those who tell the peer of changes: what it is told of, and where inodes are. */
#include "shared-folders/server/inode.h"
#include "shared-folders/server/inode_hash.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* With the lock. */
static bool is_told(struct server *server, const struct inode *inode)
{
	if (!inode || !atomic_load(&server->coherent))
		return false;
	if (inode->type == S_IFDIR)
		return atomic_load(&inode->watched);
	return inode->parent && atomic_load(&inode->parent->watched);
}

bool inode_is_told(struct server *server, uint64_t id, uint32_t names)
{
	const struct inode *inode;
	bool told;

	pthread_mutex_lock(&server->lock);
	inode = id_table_get(&server->inodes, id);
	told = is_told(server, inode) && (inode->type == S_IFDIR || names == 1);
	pthread_mutex_unlock(&server->lock);
	return told;
}

bool inode_may_keep(struct server *server, uint64_t id)
{
	struct inode *inode;
	bool may;

	pthread_mutex_lock(&server->lock);
	inode = id_table_get(&server->inodes, id);
	may = is_told(server, inode);
	if (may && inode->type != S_IFDIR) {
		may = !inode->several_names && !inode->unwatched_once;
		inode->unwatched_once = inode->several_names;
	}
	pthread_mutex_unlock(&server->lock);
	return may;
}

void inode_drop_contents(struct server *server, uint64_t id)
{
	struct inode *inode;

	pthread_mutex_lock(&server->lock);
	inode = id_table_get(&server->inodes, id);
	if (inode)
		inode->unwatched_once = true;
	pthread_mutex_unlock(&server->lock);
}

static struct inode *referenced(struct inode *inode)
{
	if (inode)
		inode->references++;
	return inode;
}

struct inode *inode_find_name(struct server *server, struct inode *parent, const char *name)
{
	struct inode *inode;

	pthread_mutex_lock(&server->lock);
	inode = referenced(inode_by_name(server, parent, name));
	pthread_mutex_unlock(&server->lock);
	return inode;
}

struct inode *inode_find(struct server *server, const struct statx *stat)
{
	struct inode_key key = inode_key_of(stat);
	struct inode *inode;

	pthread_mutex_lock(&server->lock);
	inode = inode_by_key(server, &key);
	if (inode && !inode_is(inode, stat))
		inode = NULL;
	if (inode && inode->type != S_IFDIR && stat->stx_nlink > 1)
		inode->several_names = inode->unwatched_once = true;
	referenced(inode);
	pthread_mutex_unlock(&server->lock);
	return inode;
}

uint64_t inode_place(struct server *server, struct inode *inode, char *name)
{
	uint64_t parent = 0;

	pthread_mutex_lock(&server->lock);
	if (inode->parent) {
		parent = inode->parent->id;
		snprintf(name, NAME_MAX + 1, "%s", inode->name);
	}
	pthread_mutex_unlock(&server->lock);
	return parent;
}

int inode_path(struct server *server, struct inode *inode, char *path, size_t size)
{
	size_t at = size - 1;
	int r = 0;

	path[at] = '\0';
	pthread_mutex_lock(&server->lock);
	/* It is written from its end; folders that are in each other have a path too long. */
	for (; r == 0 && !inode->root; inode = inode->parent) {
		size_t length = inode->parent ? strlen(inode->name) : 0;

		if (!inode->parent) {
			r = -ENOENT;
			break;
		}
		if (at < length + 1) {
			r = -ENAMETOOLONG;
			break;
		}
		if (path[at])
			path[--at] = '/';
		at -= length;
		memcpy(path + at, inode->name, length);
	}
	pthread_mutex_unlock(&server->lock);
	if (r == 0)
		memmove(path, path + at, size - at);
	return r;
}

struct inode *inode_next(struct server *server, uint32_t *index)
{
	struct inode *inode;

	pthread_mutex_lock(&server->lock);
	inode = referenced(id_table_next(&server->inodes, index));
	pthread_mutex_unlock(&server->lock);
	return inode;
}

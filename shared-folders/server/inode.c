/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/inode.h"

#include "protocol/base/cleanup.h"
#include "shared-folders/server/coherence.h"
#include "shared-folders/server/descriptor.h"
#include "shared-folders/server/inode_hash.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* --- Life ------------------------------------------------------------------------------------ */

/* With the lock; it is given up and taken again. Free @inode if nobody needs it, and then those
 * above it that were only there for it. */
static void release(struct server *server, struct inode *inode)
{
	while (inode && inode->lookups == 0 && inode->references == 0) {
		struct inode *parent = inode->parent;
		int fd = descriptor_detach(server, inode);
		bool watched = atomic_load(&inode->watched);
		uint64_t id = inode->id;

		if (!inode->forgotten)
			inode_hash_remove_key(server, inode);
		if (parent)
			inode_hash_remove_name(server, inode);
		id_table_remove(&server->inodes, inode->id);
		server->inode_count--;
		free(inode->name);
		free(inode);
		if (fd >= 0 || watched) {
			pthread_mutex_unlock(&server->lock);
			if (watched)
				coherence_forget(server, id, fd);
			if (fd >= 0)
				close(fd);
			pthread_mutex_lock(&server->lock);
		}
		/* Not before: another thread that lets go of it meanwhile would free it. */
		if (parent)
			parent->references--;
		inode = parent;
	}
}

static struct inode *new_inode(struct server *server, const struct statx *stat, int *error)
{
	struct inode *inode = calloc(1, sizeof(*inode));
	int r;

	if (!inode) {
		*error = -ENOMEM;
		return NULL;
	}
	inode->key = inode_key_of(stat);
	inode->type = stat->stx_mode & S_IFMT;
	inode->descriptor = -EBADF;
	r = id_table_add(&server->inodes, inode, &inode->id);
	if (r < 0) {
		free(inode);
		*error = r;
		return NULL;
	}
	if (++server->inode_count > server->buckets)
		inode_hash_grow(server);
	else
		inode_hash_add_key(server, inode);
	return inode;
}

/* It has no name that we know. With the lock, which release() may give up for a moment. */
static void drop_name(struct server *server, struct inode *inode)
{
	struct inode *parent = inode->parent;

	if (!parent)
		return;
	inode_hash_remove_name(server, inode);
	free(inode->name);
	inode->name = NULL;
	inode->parent = NULL;
	inode->unwatched_once = true;
	parent->references--;
	release(server, parent);
}

/* With the lock, which may be given up for a moment; both are held by references or lookups. */
static int set_name(struct server *server, struct inode *inode, struct inode *parent,
		    const char *name)
{
	bool unwatched_once;
	struct inode *other;
	char *copy;

	assert(parent);
	if (!atomic_load(&parent->watched) || inode->several_names)
		inode->unwatched_once = true;
	if (inode->parent == parent && inode->name && strcmp(inode->name, name) == 0)
		return 0;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	parent->references++;
	inode->references++;
	unwatched_once = inode->unwatched_once;
	/* The lock is given up in between, so another thread may be faster: the last one wins. */
	while ((other = inode->parent ? inode : inode_by_name(server, parent, name)))
		drop_name(server, other);
	inode->references--;
	inode->parent = parent;
	inode->name = copy;
	inode->unwatched_once = unwatched_once;
	inode_hash_add_name(server, inode);
	return 0;
}

int inodes_new(struct server *server)
{
	struct statx stat;
	int r;

	id_table_init(&server->inodes, INODE_MAX);
	r = inode_hash_new(server);
	if (r < 0)
		return r;
	if (statx(server->options.root, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STAT_MASK, &stat) < 0)
		return -errno;
	if (!S_ISDIR(stat.stx_mode))
		return -ENOTDIR;
	server->root = new_inode(server, &stat, &r);
	if (!server->root)
		return r;
	server->root->root = true;
	server->root->lookups = 1;
	server->root->references = 1;
	server->root->descriptor_users = 1;
	server->root_mount = server->root->key.mount;
	file_know_root(server);
	server->root->descriptor =
		openat(server->options.root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (server->root->descriptor < 0)
		return -errno;
	assert(server->root->id == FUSE_ROOT_ID);
	id_table_draw(&server->inodes);
	server->descriptors = 1;
	return 0;
}

void inodes_forget_all(struct server *server)
{
	struct inode *inode;

	pthread_mutex_lock(&server->lock);
	/* Names first: folders that the host moved about may have each other for parents. */
	for (uint32_t index = 0; (inode = id_table_next(&server->inodes, &index));) {
		if (!inode->root)
			inode->lookups = 0;
		inode->references++;
		drop_name(server, inode);
		inode->references--;
		release(server, inode);
	}
	pthread_mutex_unlock(&server->lock);
}

void inodes_free(struct server *server)
{
	if (server->by_key)
		inodes_forget_all(server);
	if (server->root) {
		if (server->root->descriptor >= 0)
			close(server->root->descriptor);
		free(server->root);
	}
	inode_hash_free(server);
	id_table_free(&server->inodes);
}

/* --- References ------------------------------------------------------------------------------ */

int inode_get(struct server *server, uint64_t id, struct inode **inode)
{
	struct inode *found;

	pthread_mutex_lock(&server->lock);
	found = id_table_get(&server->inodes, id);
	if (found && found->lookups > 0)
		found->references++;
	else
		found = NULL;
	pthread_mutex_unlock(&server->lock);
	*inode = found;
	return found ? 0 : -ESTALE;
}

struct inode *inode_reference(struct server *server, struct inode *inode)
{
	pthread_mutex_lock(&server->lock);
	inode->references++;
	pthread_mutex_unlock(&server->lock);
	return inode;
}

void inode_put(struct server *server, struct inode *inode)
{
	pthread_mutex_lock(&server->lock);
	inode->references--;
	release(server, inode);
	pthread_mutex_unlock(&server->lock);
}

void inode_forget(struct server *server, uint64_t id, uint64_t count)
{
	struct inode *inode;

	pthread_mutex_lock(&server->lock);
	inode = id_table_get(&server->inodes, id);
	if (inode && !inode->root) {
		inode->lookups -= MIN(count, inode->lookups);
		release(server, inode);
	}
	pthread_mutex_unlock(&server->lock);
}

/* --- What the peer is told of ---------------------------------------------------------------- */

/* With the lock. */
static struct inode *find_or_add(struct server *server, const struct statx *stat, int *error)
{
	struct inode_key key = inode_key_of(stat);
	struct inode *inode = inode_by_key(server, &key);

	if (inode && inode->type == (stat->stx_mode & S_IFMT)) {
		if (inode_same_birth(&inode->key, &key))
			return inode;
		/* While we hold it, nobody else can get its number. */
		if (inode->descriptor >= 0) {
			inode->key.birth_seconds = key.birth_seconds;
			inode->key.birth_nanoseconds = key.birth_nanoseconds;
			return inode;
		}
	}
	if (inode && !inode->root) {
		inode_hash_remove_key(server, inode);
		inode->forgotten = true;
	}
	return new_inode(server, stat, error);
}

uint64_t inode_enter(struct server *server, struct inode *parent, const char *name,
		     const struct statx *stat, int *error)
{
	struct inode *inode;
	uint64_t id = 0;
	bool hold;

	*error = 0;
	pthread_mutex_lock(&server->lock);
	inode = find_or_add(server, stat, error);
	if (inode) {
		inode->references++;
		if (!S_ISDIR(stat->stx_mode))
			inode->several_names = stat->stx_nlink > 1;
		/* The peer finds it under another name, and may believe in the old one still. */
		if (parent && inode->parent && !S_ISDIR(stat->stx_mode) && stat->stx_nlink == 1 &&
		    (inode->parent != parent || strcmp(inode->name, name) != 0))
			coherence_absent(server, inode->parent->id, inode->name, TOLD_SECONDS);
		if (parent && !inode->root)
			*error = set_name(server, inode, parent, name);
		if (*error == 0) {
			id = inode->id;
			if (!inode->root)
				inode->lookups++;
		}
		/* Where a file cannot be told from the next one that gets its number, hold it. */
		hold = id && parent && !(stat->stx_mask & STATX_BTIME) && inode->descriptor < 0;
		if (hold) {
			pthread_mutex_unlock(&server->lock);
			if (inode_descriptor_get(server, inode) >= 0)
				inode_descriptor_put(server, inode);
			pthread_mutex_lock(&server->lock);
		}
		inode->references--;
		release(server, inode);
	}
	pthread_mutex_unlock(&server->lock);
	return id;
}

int inode_enter_entry(struct server *server, struct inode *parent, const char *name,
		      const struct statx *stat, struct fuse_entry_out *entry)
{
	bool is_folder = S_ISDIR(stat->stx_mode);
	bool told = atomic_load(&server->coherent) && parent && atomic_load(&parent->watched) &&
		    (is_folder || stat->stx_nlink == 1);
	struct validity valid = server_validity(server, told), attributes = valid;
	int error;

	*entry = (struct fuse_entry_out){
		.entry_valid = valid.seconds,
		.entry_valid_nsec = valid.nanoseconds,
	};
	attributes_fill(server, stat, &entry->attr);
	if (parent && is_folder && (server->flags & FUSE_SUBMOUNTS) &&
	    inode_key_of(stat).mount != parent->key.mount)
		entry->attr.flags |= FUSE_ATTR_SUBMOUNT;
	entry->nodeid = inode_enter(server, parent, name, stat, &error);
	/* What is in a folder changes its attributes, and nobody tells who watches its parent. It
	 * may be watched since after it was looked at: then they are asked for again. */
	if (is_folder)
		attributes = server_validity(server, false);
	entry->attr_valid = attributes.seconds;
	entry->attr_valid_nsec = attributes.nanoseconds;
	return entry->nodeid ? 0 : error;
}

/* --- Names that change ----------------------------------------------------------------------- */

void inode_name_going(struct server *server, struct inode *parent, const char *name)
{
	struct inode *inode;

	pthread_mutex_lock(&server->lock);
	inode = inode_by_name(server, parent, name);
	if (inode && inode->several_names && inode->descriptor < 0)
		inode->references++;
	else
		inode = NULL;
	pthread_mutex_unlock(&server->lock);
	if (!inode)
		return;
	if (inode_descriptor_get(server, inode) >= 0)
		inode_descriptor_put(server, inode);
	inode_put(server, inode);
}

void inode_name_gone(struct server *server, struct inode *parent, const char *name)
{
	struct inode *inode;

	pthread_mutex_lock(&server->lock);
	inode = inode_by_name(server, parent, name);
	if (inode) {
		inode->references++;
		drop_name(server, inode);
		inode->references--;
		release(server, inode);
	}
	pthread_mutex_unlock(&server->lock);
}

void inode_name_moved(struct server *server, struct inode *old_parent, const char *old_name,
		      struct inode *new_parent, const char *new_name, bool exchanged)
{
	struct inode *moved, *other;

	pthread_mutex_lock(&server->lock);
	moved = inode_by_name(server, old_parent, old_name);
	other = inode_by_name(server, new_parent, new_name);
	if (moved)
		moved->references++;
	if (other) {
		other->references++;
		drop_name(server, other);
	}
	/* Without memory for its name it has none: it is looked up again. */
	if (moved && set_name(server, moved, new_parent, new_name) < 0)
		drop_name(server, moved);
	if (other && exchanged)
		(void)set_name(server, other, old_parent, old_name);
	for (int i = 0; i < 2; i++) {
		struct inode *inode = i ? other : moved;

		if (inode) {
			inode->references--;
			release(server, inode);
		}
	}
	pthread_mutex_unlock(&server->lock);
}

void inode_name_is(struct server *server, struct inode *inode, struct inode *parent,
		   const char *name)
{
	pthread_mutex_lock(&server->lock);
	if (!inode->root && set_name(server, inode, parent, name) < 0)
		drop_name(server, inode);
	pthread_mutex_unlock(&server->lock);
}

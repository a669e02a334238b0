/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/inode_hash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define FIRST_BUCKETS 256

/* --- Keys ------------------------------------------------------------------------------------ */

struct inode_key inode_key_of(const struct statx *stat)
{
	struct inode_key key = {
		.device = makedev(stat->stx_dev_major, stat->stx_dev_minor),
		.number = stat->stx_ino,
		.mount = stat->stx_mask & STATX_MNT_ID ? stat->stx_mnt_id : 0,
	};

	if (stat->stx_mask & STATX_BTIME) {
		key.birth_seconds = stat->stx_btime.tv_sec;
		key.birth_nanoseconds = stat->stx_btime.tv_nsec;
	}
	return key;
}

static bool same_place(const struct inode_key *a, const struct inode_key *b)
{
	return a->device == b->device && a->number == b->number && a->mount == b->mount;
}

bool inode_same_birth(const struct inode_key *a, const struct inode_key *b)
{
	return a->birth_seconds == b->birth_seconds && a->birth_nanoseconds == b->birth_nanoseconds;
}

bool inode_is(const struct inode *inode, const struct statx *stat)
{
	struct inode_key key = inode_key_of(stat);

	return same_place(&inode->key, &key) && inode_same_birth(&inode->key, &key) &&
	       inode->type == (stat->stx_mode & S_IFMT);
}

/* --- Hashes: chains through the inodes ------------------------------------------------------- */

static size_t mix(uint64_t value)
{
	value ^= value >> 32;
	value *= 0x9e3779b97f4a7c15ULL;
	return (size_t)(value ^ value >> 29);
}

static size_t key_bucket(const struct server *server, const struct inode_key *key)
{
	return mix(key->number * 31 + key->device * 7 + key->mount) & (server->buckets - 1);
}

static size_t name_bucket(const struct server *server, const struct inode *parent, const char *name)
{
	uint64_t hash = parent->id;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3ULL;
	return mix(hash) & (server->buckets - 1);
}

void inode_hash_add_key(struct server *server, struct inode *inode)
{
	size_t bucket = key_bucket(server, &inode->key);

	inode->next_by_key = server->by_key[bucket];
	server->by_key[bucket] = inode;
}

void inode_hash_remove_key(struct server *server, struct inode *inode)
{
	struct inode **at = &server->by_key[key_bucket(server, &inode->key)];

	while (*at != inode)
		at = &(*at)->next_by_key;
	*at = inode->next_by_key;
}

void inode_hash_add_name(struct server *server, struct inode *inode)
{
	size_t bucket = name_bucket(server, inode->parent, inode->name);

	inode->next_by_name = server->by_name[bucket];
	server->by_name[bucket] = inode;
}

void inode_hash_remove_name(struct server *server, struct inode *inode)
{
	struct inode **at = &server->by_name[name_bucket(server, inode->parent, inode->name)];

	while (*at != inode)
		at = &(*at)->next_by_name;
	*at = inode->next_by_name;
}

static int make_buckets(struct server *server, size_t buckets)
{
	struct inode **by_key = calloc(buckets, sizeof(void *));
	struct inode **by_name = calloc(buckets, sizeof(void *));

	if (!by_key || !by_name) {
		free(by_key);
		free(by_name);
		return -ENOMEM;
	}
	server->by_key = by_key;
	server->by_name = by_name;
	server->buckets = buckets;
	return 0;
}

int inode_hash_new(struct server *server)
{
	return make_buckets(server, FIRST_BUCKETS);
}

void inode_hash_free(struct server *server)
{
	free(server->by_key);
	free(server->by_name);
}

void inode_hash_grow(struct server *server)
{
	size_t old_buckets = server->buckets, buckets = old_buckets * 2;
	_cleanup_free_ struct inode **old_by_key = server->by_key;
	_cleanup_free_ struct inode **old_by_name = server->by_name;
	struct inode *inode;

	if (make_buckets(server, buckets) < 0) {
		old_by_key = old_by_name = NULL;
		return;
	}
	for (uint32_t index = 0; (inode = id_table_next(&server->inodes, &index));) {
		if (!inode->forgotten)
			inode_hash_add_key(server, inode);
		if (inode->parent)
			inode_hash_add_name(server, inode);
	}
}

struct inode *inode_by_key(struct server *server, const struct inode_key *key)
{
	struct inode *inode = server->by_key[key_bucket(server, key)];

	while (inode && !same_place(&inode->key, key))
		inode = inode->next_by_key;
	return inode;
}

struct inode *inode_by_name(struct server *server, const struct inode *parent, const char *name)
{
	struct inode *inode = server->by_name[name_bucket(server, parent, name)];

	while (inode && (inode->parent != parent || strcmp(inode->name, name) != 0))
		inode = inode->next_by_name;
	return inode;
}

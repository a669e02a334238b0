/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inode_hash - inodes found by what they are, and by where they were last seen
 *
 * Two tables of chains through the inodes. All with the server's lock.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_INODE_HASH_H
#define LODGE_SHARED_FOLDERS_SERVER_INODE_HASH_H

#include "shared-folders/server/inode.h"

/* Return: 0, -ENOMEM. */
int inode_hash_new(struct server *server);
void inode_hash_free(struct server *server);
/* Twice the buckets, with all inodes of the server in them; without memory for that, the chains are
 * longer. */
void inode_hash_grow(struct server *server);

void inode_hash_add_key(struct server *server, struct inode *inode);
void inode_hash_remove_key(struct server *server, struct inode *inode);
/* It has a parent and a name. */
void inode_hash_add_name(struct server *server, struct inode *inode);
void inode_hash_remove_name(struct server *server, struct inode *inode);

/* The file with this device, number and mount, whenever it was born; NULL. */
struct inode *inode_by_key(struct server *server, const struct inode_key *key);
struct inode *inode_by_name(struct server *server, const struct inode *parent, const char *name);

bool inode_same_birth(const struct inode_key *a, const struct inode_key *b);

#endif

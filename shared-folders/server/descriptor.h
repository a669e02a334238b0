/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * descriptor - the O_PATH descriptors of inodes, which are only so many
 *
 * What an operation does not use at the moment may be closed, the longest unused first; it is
 * opened again by its parent and name, and what is then found there has to be the same file.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_DESCRIPTOR_H
#define LODGE_SHARED_FOLDERS_SERVER_DESCRIPTOR_H

#include "shared-folders/server/inode.h"

/* With the lock: the inode has no descriptor any more. Return: it, to be closed; -EBADF: none. */
int descriptor_detach(struct server *server, struct inode *inode);

/* This inode has this O_PATH descriptor (of a file just made), which is taken over. */
void descriptor_attach(struct server *server, struct inode *inode, int fd);

/* Close some that nobody uses, since there is no room for more. Return: whether there were any. */
bool descriptor_spare(struct server *server);

/* Open @name in @parent as O_PATH: one component, no symbolic link followed, no other file system
 * unless those are shown. Return: descriptor or negative errno. */
int descriptor_open_child(const struct server *server, int parent, const char *name);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * handle - what the peer has open
 *
 * A handle has a descriptor of its own, with the rights it was opened with, and keeps its inode and
 * the inode's descriptor, so that the file works without a name.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_HANDLE_H
#define LODGE_SHARED_FOLDERS_SERVER_HANDLE_H

#include "shared-folders/server/inode.h"

/* At once; a listing of a folder costs 16 KiB. */
#define HANDLE_MAX (1U << 18)

struct directory;

struct handle {
	uint64_t id;
	struct inode *inode;
	int fd;
	int flags; /* of open(2) */
	unsigned int references;
	bool lists;		     /* one of the folder's listers */
	struct directory *directory; /* directory.c's; NULL: it is a file */
};

/**
 * handle_new() - the peer has the file @inode open
 * @fd:		taken over on success
 * @id:		for fuse_open_out
 *
 * Return: 0; -ENFILE, -ENOMEM, or why the inode's descriptor cannot be had.
 */
int handle_new(struct server *server, struct inode *inode, int fd, int flags, uint64_t *id);

/* The same without an id: the server's alone, until handle_put(). @directory: NULL, or taken over
 * on success */
int handle_make(struct server *server, struct inode *inode, int fd, int flags,
		struct directory *directory, struct handle **handle);
/* Its folder has a lister more, until it goes. */
void handle_lists(struct server *server, struct handle *handle);
/* It gets an id, and is the table's. Return: 0; -ENFILE, -ENOMEM: it stays the caller's. */
int handle_add(struct server *server, struct handle *handle, uint64_t *id);

/* The handle @id of node @node, for use until handle_put(). Return: 0; -EBADF. */
int handle_get(struct server *server, uint64_t id, uint64_t node, struct handle **handle);
void handle_put(struct server *server, struct handle *handle);

/* It is closed; what uses it just now goes on. Return: 0, -EBADF. */
int handle_close(struct server *server, uint64_t id, uint64_t node);
/* All of them. */
void handles_close_all(struct server *server);

/* For the time of a scope. */
struct handle_scope {
	struct server *server;
	struct handle *handle;
};
static inline void handle_end(struct handle_scope *scope)
{
	if (scope->handle)
		handle_put(scope->server, scope->handle);
}
#define _cleanup_handle_ _cleanup_(handle_end)

/* directory.c's */
void directory_forget_listings(struct server *server);
void directory_free(struct directory *directory);

#endif

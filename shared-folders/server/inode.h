/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inode - the files that the peer knows
 *
 * An inode is what a node id stands for. It is known by what the file system says it is (device,
 * number, mount, time of birth) and found again by where it was last seen (parent and name), or by
 * a descriptor (O_PATH), which is opened when something needs it and kept as long as there are not
 * too many. A file whose descriptor was given up and that is no longer where it was seen is
 * ESTALE; the peer then looks its path up again. What is in use (an open handle) keeps its
 * descriptor, so that a file without a name still works.
 *
 * Counts: `lookups` is the peer's, and only that makes the id usable; `references` are ours. An
 * inode goes when both are 0. A child has a reference to the parent it was seen in.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_INODE_H
#define LODGE_SHARED_FOLDERS_SERVER_INODE_H

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "shared-folders/server/internal.h"

#include <sys/stat.h>

/* What we want to know of files. */
#define STAT_MASK (STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID)

/* Files that the peer may know at once: each costs us memory. */
#define INODE_MAX (1U << 24)

struct inode_key {
	uint64_t device, number, mount;
	int64_t birth_seconds; /* 0 where the file system does not know */
	uint32_t birth_nanoseconds;
};

/* What a folder was when the peer began to list it (listing.c). */
struct listing {
	bool known; /* else what the peer has of it may be anything */
	uint32_t changed_nanoseconds, written_nanoseconds;
	int64_t changed_seconds, written_seconds;
	uint64_t begun_ms;
};

struct inode {
	struct inode_key key;
	uint64_t id;
	uint64_t lookups;
	unsigned int references;
	uint16_t type; /* S_IFMT bits */
	bool root;
	bool several_names;    /* nlink was more than 1 when last seen */
	bool forgotten;	       /* no longer found by key: another file has it */
	bool unwatched_once;   /* what the peer keeps of its contents may be old */
	_Atomic(bool) watched; /* a folder: the peer is told of changes in it (coherence.h) */
	_Atomic(bool) mapped;  /* it is, or was, in the window */
	/* What it was when the window last showed all of it: size and time of change. */
	_Atomic(uint64_t) settled_size, settled_change;
	struct listing listing;
	unsigned int listers; /* who has it open, if it is a folder */
	int descriptor;	      /* O_PATH; -EBADF */
	unsigned int descriptor_users;
	struct inode *older, *newer; /* where nobody uses the descriptor */
	struct inode *next_by_key, *next_by_name;
	struct inode *parent; /* NULL: it has no name that we know */
	char *name;
	void *locks; /* lock.c's */
};

/* The root has id FUSE_ROOT_ID. Return: 0 or negative errno; inodes_free() in any case. */
int inodes_new(struct server *server);
/* No call is under way. */
void inodes_free(struct server *server);
/* The peer knows none any more; what calls under way still use goes with them. */
void inodes_forget_all(struct server *server);

struct inode_key inode_key_of(const struct statx *stat);
/* Whether @stat describes this very file. With the lock, or a descriptor that holds it. */
bool inode_is(const struct inode *inode, const struct statx *stat);

/* The inode of a node id, with a reference. Return: 0, -ESTALE. */
int inode_get(struct server *server, uint64_t id, struct inode **inode);
struct inode *inode_reference(struct server *server, struct inode *inode);
void inode_put(struct server *server, struct inode *inode);

/* Its descriptor, opened if need be, not given up before inode_descriptor_put().
 * Return: O_PATH descriptor; -ESTALE: it is no longer where it was seen; other negative errno. */
int inode_descriptor_get(struct server *server, struct inode *inode);
void inode_descriptor_put(struct server *server, struct inode *inode);

/* Open it anew with @flags: a regular file or a folder, else -EOPNOTSUPP (never a device).
 * Return: descriptor or negative errno. */
int inode_open(struct server *server, struct inode *inode, int flags);

/* What it is now. */
int inode_stat(struct server *server, struct inode *inode, struct statx *stat);

/* The file @name in @parent (with its descriptor), as it is. Return: 0; -EXDEV: it is another
 * file system, and these are not shown; other negative errno. */
int inode_stat_child(struct server *server, int parent, const char *name, struct statx *stat);

/*
 * The peer is told of the file @name in @parent, which @stat describes: its inode, made if need be,
 * with one more lookup. @parent NULL: it has no name (O_TMPFILE), and a descriptor has to follow.
 * @inode: without a reference; NULL: not wanted. Return: node id; 0 and -errno in *@error.
 */
uint64_t inode_enter(struct server *server, struct inode *parent, const char *name,
		     const struct statx *stat, int *error);

/* The same, and the reply's fuse_entry_out. Return: 0 or negative errno. */
int inode_enter_entry(struct server *server, struct inode *parent, const char *name,
		      const struct statx *stat, struct fuse_entry_out *entry);

/* The peer forgets @count lookups: at most as many as there are. */
void inode_forget(struct server *server, uint64_t id, uint64_t count);

/*
 * Around a removal of the name @name in @parent: before, whoever has it and might still be used
 * without it gets a descriptor; afterwards nobody has that name.
 */
void inode_name_going(struct server *server, struct inode *parent, const char *name);
void inode_name_gone(struct server *server, struct inode *parent, const char *name);
/* It was renamed. */
void inode_name_moved(struct server *server, struct inode *old_parent, const char *old_name,
		      struct inode *new_parent, const char *new_name, bool exchanged);

/*
 * For those who tell the peer of changes (coherence.h). Inodes found have a reference; NULL: there
 * is none.
 */
/* The peer is told of changes of this node: what it was seen in, or the folder that it is, is
 * watched. @names: how many it has; more than one are not all watched. */
bool inode_is_told(struct server *server, uint64_t id, uint32_t names);
/* It may keep what it has of the contents: the same, and always since it has them. Asked when the
 * node is opened: else the peer drops them. */
bool inode_may_keep(struct server *server, uint64_t id);
/* What it has of the contents it drops when it opens the node again. */
void inode_drop_contents(struct server *server, uint64_t id);
/* The peer opens the folder, to list it, and is one of its listers already. Return: FOPEN_ flags:
 * whether it may keep what it has of it. */
uint32_t listing_open(struct server *server, struct inode *folder);
/* Last seen as @name in @parent; or this very file. */
struct inode *inode_find_name(struct server *server, struct inode *parent, const char *name);
struct inode *inode_find(struct server *server, const struct statx *stat);
/* This is @name in @parent now. */
void inode_name_is(struct server *server, struct inode *inode, struct inode *parent,
		   const char *name);
/* Where it was last seen: the folder's id, and the name (NAME_MAX + 1 bytes). Return: 0: nowhere.
 */
uint64_t inode_place(struct server *server, struct inode *inode, char *name);
/* The way there from the root, without leading slash. Return: 0; -ENOENT, -ENAMETOOLONG. */
int inode_path(struct server *server, struct inode *inode, char *path, size_t size);
/* Any with an index from *@index on, which is moved past it. */
struct inode *inode_next(struct server *server, uint32_t *index);

/* An inode and its descriptor for the time of a scope. */
struct node {
	struct server *server;
	struct inode *inode;
	int descriptor;
};
/* @node: NODE_NONE. Return: 0 or negative errno; node_end() in any case. */
int node_begin(struct node *node, struct server *server, uint64_t id);
/* The same; -ENOTDIR if it is no folder. */
int node_begin_folder(struct node *node, struct server *server, uint64_t id);
void node_end(struct node *node);
#define _cleanup_node_ _cleanup_(node_end)
#define NODE_NONE      ((struct node){.descriptor = -EBADF})

#endif

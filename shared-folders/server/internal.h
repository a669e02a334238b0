/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * internal - what the operations of the server share
 *
 * server_call() decodes a request into a task and gives it to the operation that the table in
 * operations.c names. To add one: write `int NAME_op(struct task *task)` in a file of its own
 * subject, declare it at the end here, and add its line to the table.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_INTERNAL_H
#define LODGE_SHARED_FOLDERS_SERVER_INTERNAL_H

#include "shared-folders/fuse/request.h"
#include "shared-folders/server/ids.h"
#include "shared-folders/server/owner.h"
#include "shared-folders/server/server.h"
#include "shared-folders/watch/watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define EARLY_INTERRUPTS 64
#define KEPT_LISTINGS	 16

struct inode;
struct handle;
struct waiter;
struct coherence;
struct statx;

struct server {
	struct server_options options;
	int proc; /* /proc/self/fd: a descriptor's name there opens what it stands for again */
	bool privileged; /* we may act as anybody */
	uint64_t root_mount;
	bool quiet; /* the root's file system says nothing when a descriptor is closed */
	struct server_identity us;
	_Atomic(bool) begun;	 /* the session: INIT was answered */
	_Atomic(bool) withdrawn; /* there will be no other */
	_Atomic(uint64_t) flags; /* FUSE_* of INIT that both sides have, both halves */
	_Atomic(bool) coherent;	 /* the peer is told of changes: server_set_coherent() */
	_Atomic(bool) behind;	 /* just now it cannot be told of some */
	_Atomic(bool) mapped;	 /* some file is, or was, in the window */
	_Atomic(bool) crowded;	 /* other servers of this process change the folder too */
	_Atomic(uint32_t) echo;	 /* pid of the peer's echo; 0: none; may be told before INIT */
	/* With `looks`: until when that is believed of this pid; UINT64_MAX: it is attached. */
	_Atomic(uint64_t) echo_until_ms;
	pthread_mutex_t beginning;	     /* guards the making of `coherence` */
	struct coherence *_Atomic coherence; /* NULL: nobody watches (yet) */
	enum watch_method watch;	     /* how to */
	unsigned int max_descriptors;	     /* of inodes */

	/* Guards all below. Never held over a system call. */
	pthread_mutex_t lock;
	struct id_table inodes, handles;
	struct inode *root;
	struct inode **by_key, **by_name; /* buckets, both `buckets` (a power of two) of them */
	size_t buckets, inode_count;
	struct inode *oldest, *newest; /* that have a descriptor nobody uses just now */
	unsigned int descriptors;
	struct waiter *waiters;
	/* INTERRUPTs that were here before what they interrupt began to wait. */
	uint64_t interrupted[EARLY_INTERRUPTS];
	unsigned int next_interrupted;
	/* Listings of folders that the peer reads without opening them (directory.c). */
	struct handle *listings[KEPT_LISTINGS];
	unsigned int next_listing;
	unsigned int lock_threads; /* lock_wait.c's */
	pthread_cond_t lock_threads_changed;

	/*
	 * Renames read-lock it from before the system call until the table knows; who found a file
	 * not where the table says write-locks it for a moment and looks again.
	 */
	pthread_rwlock_t renames;
};

/* One request under way. */
struct task {
	struct server *server;
	struct server_call *call;
	size_t length; /* of the reply's body so far */
	struct fuse_request in;
};

/* What an operation returns instead of 0 (the reply is what task_put() put) or negative errno. */
#define TASK_NO_REPLY 1 /* nothing is answered */
#define TASK_LATER    2 /* the operation has handed the call over to a waiter */

typedef int (*operation)(struct task *task);

/* Return: who carries @opcode out, NULL: nobody. */
operation operation_of(uint32_t opcode);

/* Append to the reply's body. Return: 0; -EIO: there is no room. */
int task_put(struct task *task, const void *bytes, size_t size);

/* The reply's room after its header and what was put, for data that goes there directly: pieces
 * for at most @size bytes, to be counted by task_grow() when they are there.
 * @slice: room for call->out_count pieces. Return: their number. */
unsigned int task_room(const struct task *task, size_t size, struct iovec *slice);
/* How many bytes that are at most. */
size_t task_room_bytes(const struct task *task);
static inline void task_grow(struct task *task, size_t size)
{
	task->length += size;
}

/* The payload of the request, as pieces. @slice: room for call->in_count. Return: their number. */
unsigned int task_payload(const struct task *task, struct iovec *slice);

/*
 * A call that waits for somebody. The operation allocates it as part of what it waits with, and
 * returns TASK_LATER once server_wait() returned 0. It then ends by server_wake(), from any
 * thread, or by `cancel` (INTERRUPT, end of the session), whichever takes it first; the one that
 * took it answers the call and frees it.
 */
struct waiter {
	struct waiter *next, *previous;
	struct server_call *call;
	uint64_t unique;
	bool waiting;
	/* It was taken: stop waiting, answer by server_answer(-EINTR), free. Called without the
	 * server's lock. */
	void (*cancel)(struct server *server, struct waiter *waiter);
};

/* Return: 0; -EINTR: the session is at its end. */
int server_wait(struct task *task, struct waiter *waiter);
/* Return: true: it is the caller's now, to answer and to free. */
bool server_take(struct server *server, struct waiter *waiter);
/* Answer the call of a taken waiter: @error 0 or negative errno, a body where there is none. */
void server_answer(struct server *server, struct waiter *waiter, int error, const void *body,
		   size_t size);

/* To be called once, when there is a root: what its file system is like. */
void file_know_root(struct server *server);

/* Requires whoever watches the folder to tell the peer of all changes; false: it cannot now. */
void server_set_coherent(struct server *server, bool coherent);

/* How long the peer may believe. */
struct validity {
	uint64_t seconds;
	uint32_t nanoseconds;
};
/* @told: the peer is told of changes of what this is about (inode_is_told()) */
struct validity server_validity(struct server *server, bool told);
struct inode;
/* FOPEN_* of a file that is opened. */
uint32_t server_open_flags(struct server *server, uint64_t node);
/* The same of a folder, whose lister it is already. */
uint32_t server_folder_flags(struct server *server, struct inode *folder);

/* open(2)'s flags for what the peer asks for: those that mean something here. */
int server_file_flags(const struct server *server, uint32_t flags);
/* Put the fuse_open_out of a new handle, or close it again. Return: 0 or negative errno. */
int server_put_open(struct task *task, uint64_t handle, uint64_t node, uint32_t flags);

/* The session's end: all handles closed, all inodes forgotten, all waiting calls cancelled. */
void session_end(struct server *server);

/* -EROFS where the server may not change anything. */
static inline int may_change(const struct task *task)
{
	return task->server->options.read_only ? -EROFS : 0;
}

/* Fill in what the peer is told of a file. */
void attributes_fill(struct server *server, const struct statx *stat, struct fuse_attr *attr);
/* Put a fuse_attr_out, of the request's node. */
int attributes_put(struct task *task, const struct statx *stat);

/* session.c */
int init_op(struct task *task);
int destroy_op(struct task *task);
int interrupt_op(struct task *task);
/* lookup.c */
int lookup_op(struct task *task);
int forget_op(struct task *task);
int batch_forget_op(struct task *task);
/* attributes.c */
int getattr_op(struct task *task);
int setattr_op(struct task *task);
int statfs_op(struct task *task);
int access_op(struct task *task);
int readlink_op(struct task *task);
int statx_op(struct task *task);
/* create.c */
int mknod_op(struct task *task);
int mkdir_op(struct task *task);
int symlink_op(struct task *task);
int link_op(struct task *task);
int create_op(struct task *task);
int tmpfile_op(struct task *task);
/* remove.c */
int unlink_op(struct task *task);
int rmdir_op(struct task *task);
int rename_op(struct task *task);
/* directory.c */
int opendir_op(struct task *task);
int readdir_op(struct task *task);
int readdirplus_op(struct task *task);
int releasedir_op(struct task *task);
int fsyncdir_op(struct task *task);
/* file.c */
int open_op(struct task *task);
int release_op(struct task *task);
int flush_op(struct task *task);
int fsync_op(struct task *task);
int syncfs_op(struct task *task);
int ioctl_op(struct task *task);
/* data.c */
int read_op(struct task *task);
int write_op(struct task *task);
/* space.c */
int fallocate_op(struct task *task);
int lseek_op(struct task *task);
int copy_file_range_op(struct task *task);
/* xattr.c */
int setxattr_op(struct task *task);
int getxattr_op(struct task *task);
int listxattr_op(struct task *task);
int removexattr_op(struct task *task);
/* lock.c */
int getlk_op(struct task *task);
int setlk_op(struct task *task);
int setlkw_op(struct task *task);
/* mapping.c */
int setupmapping_op(struct task *task);
int removemapping_op(struct task *task);
/* The peer is about to be told of a file that @stat describes. */
void mapping_tell(struct server *server, const struct statx *stat);
/* The peer has changed what an open file holds: maybe it is longer. */
void mapping_changed(struct server *server, const struct handle *handle);

#endif

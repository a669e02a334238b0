/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server - a folder, by FUSE messages
 *
 * A library without transport: complete FUSE requests go in, one complete reply comes out of each,
 * and notifications (messages that nobody asked for) are handed to whoever carries them. The same
 * code is behind every road (docs of this folder): the rings of virtio-fs and the stream over the
 * agent's connection, on the host and, backwards, in the guest.
 *
 * The peer is hostile. Each request is copied before it is checked, except the bytes that a WRITE
 * carries, which go to the file as they are.
 *
 * One server has one peer kernel at a time: node ids, handles and locks belong to its session,
 * which INIT begins and DESTROY, another INIT or server_free() ends.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_H
#define LODGE_SHARED_FOLDERS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* What a request may carry (WRITE's and the reply of READ), without its headers. */
#define SERVER_MAX_PAYLOAD (1U << 20)
/* The longest request and the longest reply, headers included. */
#define SERVER_MAX_MESSAGE (SERVER_MAX_PAYLOAD + 4096)

struct server;

/* How long the peer may believe what it has seen. */
enum server_cache {
	SERVER_CACHE_NEVER,  /* not at all: each use asks */
	SERVER_CACHE_AUTO,   /* until it is told otherwise: needs `notify`, else a second */
	SERVER_CACHE_ALWAYS, /* nobody else changes the folder */
};

/* Whose a file is, from the other side. */
enum server_owner {
	SERVER_OWNER_PASS,   /* numbers are passed as they are; needs root */
	SERVER_OWNER_MAP,    /* one user there is one user here: @owner_uid, @owner_gid */
	SERVER_OWNER_SQUASH, /* all files are theirs, all accesses ours */
};

/* Windows into files in the guest's address space (DAX). NULL where there is no such window. */
struct server_window {
	uint64_t size_bytes;
	/* Both: 0 or negative errno. @fd stays the server's. @flags: FUSE_SETUPMAPPING_FLAG_* */
	int (*map)(void *owner, int fd, uint64_t file_offset, uint64_t window_offset,
		   uint64_t length, uint64_t flags);
	int (*unmap)(void *owner, uint64_t window_offset, uint64_t length);
	/* The file may be longer than before, and the peer is about to learn of it: when this
	 * returns, the window shows all of it that is mapped. NULL: it always does. */
	void (*settle)(void *owner, uint64_t device, uint64_t inode);
	void *owner;
};

struct server_options {
	int root; /* descriptor of the folder (O_PATH will do); stays the caller's, outlives us */
	bool read_only;
	enum server_cache cache;
	bool writeback; /* the peer may keep what was written until it closes or syncs */
	bool xattr, acl, flock, posix_lock;
	bool submounts;		 /* other file systems beneath the root are announced as such */
	enum server_owner owner; /* and for MAP: who of the peer is who here */
	uid_t peer_uid, owner_uid;
	gid_t peer_gid, owner_gid;
	unsigned int
		max_descriptors; /* held for files that nobody has open; 0: a sensible number */
	/* Descriptor of /proc/self/fd, for a process that sees no /proc; stays the caller's. 0:
	 * server_new() opens it. */
	int proc;
	struct server_window window;
	/*
	 * A message that nobody asked for, from any thread: a fuse_out_header (unique 0, error one
	 * of FUSE_NOTIFY_*, or SERVER_NOTIFY_CHANGE) and what belongs to it. May not block.
	 * Return: 0; -ENOBUFS: it was lost, and the server lets the peer believe nothing any more
	 * until it can be told. NULL: nobody listens.
	 */
	int (*notify)(void *owner, const struct iovec *message, size_t count);
	void *notify_owner;
	/*
	 * The peer's kernel takes no notifications (virtio-fs). In place of FUSE_NOTIFY_* there
	 * are SERVER_CHANGE_LOOK_*, for a process of the peer that makes its kernel look again;
	 * until there is one (server_set_looker()), the peer believes nothing for long.
	 */
	bool looks;
};

/*
 * One request on its way. Memory is the caller's and stays until `done`, which is called once,
 * by the thread that called server_call() before it returns, or, where the request has to wait
 * for somebody (a lock), by another thread later.
 */
struct server_call {
	const struct iovec *in; /* the request, from its fuse_in_header on */
	size_t in_count;
	const struct iovec *out; /* room for the reply */
	size_t out_count;
	/* @length: bytes of the reply; 0: this request has none (FORGET, INTERRUPT...) */
	void (*done)(struct server_call *call, size_t length);
	void *owner;	/* the caller's own */
	void *internal; /* the server's own */
};

/**
 * server_new() - a server that has not been spoken to
 * @options:	copied
 * @server:	set on success; freed by server_free()
 *
 * The process's umask becomes 0: the peer's is what counts.
 *
 * Return: 0; negative errno: -ENOTDIR if the root is none, -ENOMEM, ...
 */
int server_new(const struct server_options *options, struct server **server);

/* All calls are done (those that wait: with EINTR), all is closed. No call may be under way in
 * another thread. */
void server_free(struct server *server);

/* The folder is shared no more: all is closed, calls that wait are answered with EINTR, and later
 * ones with EIO, even INIT. From any thread. */
void server_withdraw(struct server *server);

/* From now on other servers of this process may change the same folder: what they do is told as
 * what anybody does. */
void server_set_crowded(struct server *server);

/**
 * server_set_looker() - with `looks`: who carries notifications out
 * @pid:	the process of the peer, of which nothing is carried out from now on, but compared
 *		with what it was told; 0: it gets no more of them (but is known a while longer: it
 *		may be carrying one out)
 *
 * From any thread, not from `notify`. A session's end ends this, too.
 *
 * Return: 0; -EAGAIN: there is no session, or its changes cannot be known.
 */
int server_set_looker(struct server *server, uint32_t pid);
/* It is done with the change that has this id, and with all before it. */
void server_looker_done(struct server *server, uint64_t id);

/* Serve one request; from any thread, at any time. What is not a request is answered by an error,
 * or by nothing where no answer could be told from another's. The calling thread may find itself
 * with a working directory of its own, /proc/self/fd: attributes of files are only had there. */
void server_call(struct server *server, struct server_call *call);

/* Whether to close @node's files (FLUSH) says nothing and does nothing but free locks; some file
 * systems write then, and say whether they could. */
bool server_close_is_quiet(struct server *server, uint64_t node);

/* How much room the reply to the request with these first bytes can take at most, in bytes; 0 if
 * it has none. @length: how many there are; more than a fuse_in_header and 64 are never looked at.
 */
size_t server_reply_room(const void *request, size_t length);

/*
 * Changes on this side, as a watcher (shared-folders/watch) found them, so that programs on the
 * other side see them: beside FUSE_NOTIFY_INVAL_* a message of our own, which no kernel is given,
 * for the one who carries out an "echo" there (shared-folders/relay). Values of
 * fuse_out_header.error.
 */
#define SERVER_NOTIFY_CHANGE 0x4c01

/* Body of SERVER_NOTIFY_CHANGE, then two paths relative to the root, without leading slash, each
 * ended by a zero byte (the second empty unless SERVER_CHANGE_RENAME). Little-endian as the rest.
 */
struct server_change {
	uint32_t kind; /* enum server_change_kind */
	uint32_t mode; /* S_IFMT bits of what it is about; 0 if not known */
	uint64_t id;   /* for the echo to say that it is done with it; 0: it need not */
};

enum server_change_kind {
	SERVER_CHANGE_CREATE = 1,
	SERVER_CHANGE_DELETE,
	SERVER_CHANGE_RENAME,
	SERVER_CHANGE_MODIFY,
	SERVER_CHANGE_ATTRIBUTES,
	SERVER_CHANGE_WRITTEN, /* closed by somebody who could write; follows MODIFY */
	/* With `looks`; id and mode are 0, there is no second path. The root's path is empty. */
	SERVER_CHANGE_LOOK_NAME, /* ask what the name stands for, whatever is believed */
	SERVER_CHANGE_LOOK_FILE, /* ask for the attributes; if these changed, forget the contents */
};

#endif

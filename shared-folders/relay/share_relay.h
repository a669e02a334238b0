/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share_relay - a mount: /dev/fuse on one side, a stream of a session on the other
 * (protocol/share.h)
 *
 * Used in the guest (mount.lodge, `share.open`) and on the host (lodge mount, `share.export`). The
 * caller has the loop and the session, which comes and goes; the relay opens its stream there,
 * again and again, and checks each reply before the kernel gets it (fuse/check_reply.h).
 *
 * When the stream is lost, requests wait for wait_ms. Comes another stream by then whose server
 * still knows the session, nothing has happened. If not, requests are answered with EIO until there
 * is one. Where the server has begun anew, what was under way and files that are open are answered
 * with ESTALE (EBADF); paths are looked up again, so the mount is of use as before. Unmounting
 * always works.
 */
#ifndef LODGE_SHARED_FOLDERS_SHARE_RELAY_H
#define LODGE_SHARED_FOLDERS_SHARE_RELAY_H

#include "protocol/session.h"
#include "shared-folders/server/server.h"

#include <sys/types.h>
#include <uv.h>

#define SHARE_RELAY_WAIT_MS 30000

struct share_relay;

/* On the loop, but `change`. Each may call any function here; `ended` share_relay_free(). */
struct share_relay_handlers {
	/* The share is there for the first time: mount, and call share_relay_use(). */
	void (*opened)(void *owner);
	/* The kernel has had the answer to its first question: the mount is of use. */
	void (*started)(void *owner);
	/* 0: it was unmounted. Negative errno, before `started` alone: the share cannot be had;
	 * @text: the other side's words, untrusted, may be empty. Once. */
	void (*ended)(void *owner, int error, const char *text);
	/* The server is away (is_there false: wait_ms are over, and requests fail), or back. May be
	 * NULL. */
	void (*changed)(void *owner, bool is_there);
	/* The body of a SERVER_NOTIFY_CHANGE (checked), for an echo (echo.h), from a thread of its
	 * own; the caches know of it already. NULL: no echoes. */
	void (*change)(void *owner, const void *body, size_t length);
};

struct share_relay_options {
	uv_loop_t *loop;
	const char *method; /* "share.open", of the share @target, or "share.export", of the path */
	const char *target;
	const char *user; /* of share.export; may be NULL */
	bool read_only;	  /* of share.export */
	uid_t uid;	  /* of share.export: whose files are shown; 0: as they are */
	gid_t gid;
	bool hostile;				     /* the server may be anybody's */
	uint64_t wait_ms;			     /* 0: SHARE_RELAY_WAIT_MS */
	const struct share_relay_handlers *handlers; /* constant */
	void *owner;
};

/* @options: copied, and what it points to. Return: 0 or negative errno. */
int share_relay_new(const struct share_relay_options *options, struct share_relay **relay);

/* There is a session, established: open the stream there. */
void share_relay_connect(struct share_relay *relay, struct session *session);

/* It is no more, or will be: to be called in `lost`, and before session_free(). */
void share_relay_disconnect(struct share_relay *relay);

/**
 * share_relay_use() - serve this mount
 * @fuse_fd:	/dev/fuse, with which mount(2) was called; becomes the relay's, also on failure
 *
 * Return: 0 or negative errno.
 */
int share_relay_use(struct share_relay *relay, int fuse_fd);

/* The process that carries out changes: each server that begins is told (SHARE_OP_ECHO). */
void share_relay_set_echo(struct share_relay *relay, pid_t pid);
/* It is done with the change @id and all before it (echo_finished()). */
void share_relay_echo_done(struct share_relay *relay, uint64_t id);

/* The mount must have ended (`ended`, or umount2(2) with MNT_FORCE): a thread may have to be waited
 * for. Memory goes as the loop runs on. NULL is fine. */
void share_relay_free(struct share_relay *relay);

#endif

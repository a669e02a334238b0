/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * owner - whose files are, and as whom we act
 *
 * The peer's kernel decides what its users may do; we decide what the peer may do at all. With
 * SERVER_OWNER_PASS, as root, files are created with the ids of the process over there (setfsuid(2)
 * of this thread alone) and everything else is done as root. With SERVER_OWNER_MAP, as root, all is
 * done as the one user that the peer's is mapped to. Otherwise all is done as who we are.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_OWNER_H
#define LODGE_SHARED_FOLDERS_SERVER_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

struct server;
struct task;

struct server_identity {
	uid_t uid;
	gid_t gid;
};

/* Of a file here, as the peer is told. */
uid_t owner_uid_to_peer(const struct server *server, uid_t uid);
gid_t owner_gid_to_peer(const struct server *server, gid_t gid);
/* Of the peer, here. Return: 0; -EPERM: it is nobody's here. */
int owner_uid_from_peer(const struct server *server, uid_t peer, uid_t *uid);
int owner_gid_from_peer(const struct server *server, gid_t peer, gid_t *gid);

/* This thread acts as somebody else until the scope ends. */
struct owner_scope {
	struct server_identity us;
	bool acting, overridden;
};

/* For the whole of a request. Return: 0 or negative errno. */
int owner_begin(const struct server *server, struct owner_scope *scope);
/* For the creation of a file, by the process that asked for it. Likewise. */
int owner_begin_creation(const struct task *task, struct owner_scope *scope);
/* Whether to try again what failed with @error: the peer's kernel allowed it by a group that we are
 * not told of, so its word counts. At most once in a scope. */
bool owner_again(struct owner_scope *scope, int error);
void owner_end(struct owner_scope *scope);
#define _cleanup_owner_ _cleanup_(owner_end)

/*
 * What this thread writes loses set-user-ID and set-group-ID bits, as it would if an ordinary user
 * wrote. @drop: whether at all. Return: whether fsetid_restore() is to be called.
 */
bool fsetid_drop(bool drop);
void fsetid_restore(bool dropped);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * socket_list - listening unix sockets that leave no file behind
 *
 * Every socket that is bound is remembered, so that its file goes when the VMM ends. After the
 * sandbox is up nothing can be unlinked from inside; a small process that stays outside (janitor.h)
 * does it, however the VMM ended.
 */
#ifndef LODGE_VMM_SOCKET_LIST_H
#define LODGE_VMM_SOCKET_LIST_H

#include <stddef.h>

#define SOCKET_LIST_MAX 40

struct socket_list {
	char *path[SOCKET_LIST_MAX];
	size_t count;
};

/**
 * socket_list_listen() - bind and listen
 * @path:	where; a socket file that nobody listens on is replaced
 *
 * During set-up only. The socket is non-blocking, close-on-exec, mode 0600.
 *
 * Return: descriptor, the caller's; -EADDRINUSE if somebody listens there; -ENAMETOOLONG; -EEXIST
 * if it is no socket; -ENOSPC; or another negative errno.
 */
int socket_list_listen(struct socket_list *list, const char *path);

/* Unlink all of them and forget them. */
void socket_list_unlink(struct socket_list *list);

/* Forget them: somebody else unlinks. */
void socket_list_forget(struct socket_list *list);

#endif

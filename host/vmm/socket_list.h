/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * socket_list - listening unix sockets that leave no file behind
 *
 * In its sandbox the VMM cannot unlink what it bound, and a VMM that is killed cannot do anything.
 * So a small child process, which stays outside, is told of every socket and unlinks them when the
 * VMM has ended, however it did: it sees the end of a pipe. Before the guest runs the list is
 * sealed: then nothing can be added, by a guest that broke out least of all.
 */
#ifndef LODGE_VMM_SOCKET_LIST_H
#define LODGE_VMM_SOCKET_LIST_H

#include <sys/types.h>

#define SOCKET_LIST_MAX 40

struct socket_list {
	pid_t janitor;
	int pipe_fd; /* negative: no janitor */
};

/* Begin; best early, while the process is small. Return: 0 or negative errno. */
int socket_list_start(struct socket_list *list);

/**
 * socket_list_listen() - bind and listen
 * @path:	where; a socket file that nobody listens on is replaced
 *
 * During set-up only. The socket is non-blocking, close-on-exec, mode 0600.
 *
 * Return: descriptor, the caller's; -EADDRINUSE if somebody listens there; -ENAMETOOLONG; -EEXIST
 * if it is no socket; or another negative errno.
 */
int socket_list_listen(struct socket_list *list, const char *path);

/* As socket_list_listen(), with a socket of another type than SOCK_STREAM. */
int socket_list_listen_type(struct socket_list *list, const char *path, int type);

/* Nothing more can be added. */
void socket_list_seal(struct socket_list *list);

/* Have all of them unlinked, and wait until they are. Fine if it was never started. */
void socket_list_end(struct socket_list *list);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * unix_socket - stream sockets with a path (unix(7))
 */
#ifndef LODGE_GUEST_COMMON_UNIX_SOCKET_H
#define LODGE_GUEST_COMMON_UNIX_SOCKET_H

#include <sys/types.h>

/* Connect, without waiting for anybody. Return: a non-blocking descriptor; -ECONNREFUSED if nobody
 * listens; -EAGAIN if too many wait already; another negative errno. */
int unix_socket_connect(const char *path);

/* The process at the other end, that is, which began to listen there; 0: not to be learned. */
pid_t unix_socket_peer(int fd);

/**
 * unix_socket_listen() - listen, so that those whom @mode lets may connect
 *
 * A socket that was there before is removed: it is of a program that was killed.
 *
 * Return: a non-blocking descriptor; -EADDRINUSE if there is something else; another negative
 * errno.
 */
int unix_socket_listen(const char *path, mode_t mode, int backlog);

/* The same, in a folder that is made (0755) if it is not there; its own folder has to be. */
int unix_socket_listen_in_folder(const char *path, mode_t mode, int backlog);

#endif

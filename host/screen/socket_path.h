/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* socket_path - unix sockets in the VM's folder */
#ifndef LODGE_SCREEN_SOCKET_PATH_H
#define LODGE_SCREEN_SOCKET_PATH_H

/* Listens at @path, where only we may connect; a socket that was there is replaced. @type:
 * SOCK_STREAM or SOCK_SEQPACKET. Return: descriptor, non-blocking; negative errno. */
int socket_path_listen(const char *path, int type);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resolver - what /etc/resolv.conf of the host says, followed from inside the sandbox
 *
 * A host that changes networks changes its name servers. A process beside this one, which sees the
 * host's files and nothing of the guest, waits for that and passes the text on; here it replaces
 * the copy that libslirp looks into.
 */
#ifndef LODGE_NET_RESOLVER_H
#define LODGE_NET_RESOLVER_H

#define RESOLVER_FILE	   "/etc/resolv.conf"
#define RESOLVER_MAX_BYTES (64U << 10)

/**
 * resolver_watch() - start to follow a file, through symbolic links and replacements
 *
 * Return: a socket, owned by the caller: the file's bytes come as packets, the first at once, then
 * one a change; its process ends when the socket is closed. Or negative errno.
 */
int resolver_watch(const char *path);

/**
 * resolver_update() - write what has come into a copy
 * @socket:	is readable
 * @copy:	file, opened for writing
 *
 * Return: 0; -EPIPE if no more will come; or another negative errno.
 */
int resolver_update(int socket, int copy);

#endif

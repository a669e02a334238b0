/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sandbox - what is left to a lodge-net that a guest has taken over
 *
 * Sockets, and no files but a copy of /etc/resolv.conf (resolver.h), in which libslirp looks up
 * name servers: a root directory of its own where the host allows user namespaces, and a system
 * call filter in any case. No new privileges, no program can be started.
 */
#ifndef LODGE_NET_SANDBOX_H
#define LODGE_NET_SANDBOX_H

/**
 * net_sandbox_enter() - single-threaded, ports bound, socket connected
 * @resolver_fd:	set to a descriptor that writes the copy; negative: there is none, the
 *			host's own file is looked into
 *
 * Return: 0; negative errno after log_error().
 */
int net_sandbox_enter(int *resolver_fd);

#endif

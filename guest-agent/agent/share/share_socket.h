/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share_socket - where mount.lodge comes, and is passed on to the host unread
 *
 * For root alone: what the host shares, it shares with the guest's root, who decides by mounting it
 * who else may see it.
 */
#ifndef LODGE_AGENT_SHARE_SOCKET_H
#define LODGE_AGENT_SHARE_SOCKET_H

#include "guest-agent/agent/service.h"

struct share_socket;

/* @path: of the socket, which is made anew; its folder too, if it is not there. Return: 0 or
 * negative errno. */
int share_socket_new(const struct service_context *context, const char *path,
		     struct share_socket **socket);

/* All are hung up on. Memory goes as the loop runs on. NULL is fine. */
void share_socket_free(struct share_socket *socket);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connector - finds a vhost-user back end again that has gone
 *
 * In its sandbox the VMM can neither name a path nor make a socket. So a small child process, which
 * stays outside, waits until it is asked, tries one path until somebody listens there, and hands
 * over the connection. It can be asked for nothing else. It ends with the VMM.
 */
#ifndef LODGE_VMM_CONNECTOR_H
#define LODGE_VMM_CONNECTOR_H

#include "host/vmm/vhost_frontend.h"

#include <sys/types.h>

struct connector {
	pid_t child; /* 0: there is none */
	int fd;	     /* readable: connector_receive(); negative: there is none */
};

/**
 * connector_start() - start the child; best early, while the process is small
 * @path:	of the socket
 *
 * Return: 0 or negative errno. Undone by connector_end().
 */
int connector_start(struct connector *connector, const char *path);

/* Fine if it was never started (zeroed) or has been ended. */
void connector_end(struct connector *connector);

/* Ask for a connection, however long it takes. Return: 0; negative errno if the child is gone. */
int connector_ask(const struct connector *connector);

/* The child has something to say. Return: 0 and @sockets, the caller's; -EAGAIN if it has not;
 * another negative errno if it is gone. */
int connector_receive(const struct connector *connector, struct vhost_sockets *sockets);

#endif

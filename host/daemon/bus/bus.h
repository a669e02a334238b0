/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bus - org.lodge1, lodged's D-Bus API
 *
 * Served to whoever connects to <runtime>/lodged.sock (peer to peer, no bus needed), and under the
 * name org.lodge1 on the session's or the system's bus where there is one. Only the user that
 * lodged runs as, and root, may call it.
 *
 *	server.c	the socket, the buses, signals to all of them
 *	dispatch.c	method tables, introspection, properties
 *	manager.c	org.lodge1.Manager
 *	machine.c	org.lodge1.VM
 *	memory.c	of both, what is about memory
 *	message.c	what replies are made of
 */
#ifndef LODGE_DAEMON_BUS_H
#define LODGE_DAEMON_BUS_H

#include "host/daemon/vm.h"

#include <stdbool.h>

struct lodged;
struct bus;

/**
 * bus_new() - listen on <runtime>/lodged.sock, and join the bus if there is one
 *
 * Return: 0; -EADDRINUSE and the like from libdbus as -EIO, with the reason logged.
 */
int bus_new(struct lodged *lodged, struct bus **bus);
void bus_free(struct bus *bus);

/* Clients connected peer to peer. */
unsigned int bus_client_count(const struct bus *bus);

/* Signals. @bus may be NULL (nobody listens yet). */
void bus_vm_added(struct bus *bus, const struct vm *vm);
void bus_vm_removed(struct bus *bus, const struct vm *vm);
void bus_vm_changed(struct bus *bus, const struct vm *vm);

#endif

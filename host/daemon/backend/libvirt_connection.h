/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt_connection - libvirt's QEMU driver inside this process
 *
 * No libvirt daemon is needed: qemu:///embed?root=<runtime>/libvirt runs the driver here, and its
 * state in that folder lets the next lodged find the domains again (tried: after kill -9 the next
 * open lists them in 20 ms).
 *
 * libvirt's calls block, so they are for worker threads. The connection opens when it is first
 * wanted, since that costs some 10 MB, and seconds when libvirt has not met this QEMU before.
 */
#ifndef LODGE_DAEMON_LIBVIRT_CONNECTION_H
#define LODGE_DAEMON_LIBVIRT_CONNECTION_H

#include "host/daemon/backend/libvirt_events.h"

#include <libvirt/libvirt.h>
#include <sys/types.h>

struct libvirt_connection;

/**
 * libvirt_connection_new() - get ready to connect
 * @runtime:	lodged's runtime folder
 * @handle:	called on @events' loop for each event
 *
 * Return: 0; -errno.
 */
int libvirt_connection_new(struct libvirt_events *events, const char *runtime,
			   void (*handle)(void *owner, const struct libvirt_event *event),
			   void *owner, struct libvirt_connection **connection);

/* After the events have ended. Domains run on; the driver goes with the process. NULL is fine. */
void libvirt_connection_free(struct libvirt_connection *connection);

/**
 * libvirt_connection_get() - the connection, opened if need be; for worker threads
 * @error:	receives one line for people on failure
 *
 * Return: stays @connection's; NULL with @error.
 */
virConnectPtr libvirt_connection_get(struct libvirt_connection *connection, char *error,
				     size_t capacity);

/* Process id of a running domain's QEMU, or 0. */
pid_t libvirt_domain_pid(const struct libvirt_connection *connection, const char *name);

#endif

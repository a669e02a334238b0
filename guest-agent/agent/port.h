/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * port - where the host is to be met
 *
 * The virtio-serial port named org.lodge.agent.0, found by sysfs, so that no udev is needed; or a
 * path given by hand; or, for tests, a unix socket on which the host connects ("unix:PATH"). While
 * there is no port yet, the kernel's device events are waited for.
 */
#ifndef LODGE_AGENT_PORT_H
#define LODGE_AGENT_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct port;

struct port_handlers {
	/* A connection, whose descriptor is the receiver's. For a virtio port once, and when it is
	 * opened again; else each time. */
	void (*connected)(void *owner, int fd, bool is_port);
	/* The device has gone (unplugged): drop what `connected` gave. Another is looked for. */
	void (*removed)(void *owner);
	/* What cannot be waited for: said in a log line already. */
	void (*failed)(void *owner, int error);
};

/**
 * port_new() - begin to look or listen; handlers are called from the loop, maybe at once
 * @path:	NULL: find the virtio port
 *
 * Return: 0 or negative errno.
 */
int port_new(uv_loop_t *loop, const char *path, const struct port_handlers *handlers, void *owner,
	     struct port **port);

/* The same for a port of another name. It is not missed if it is not there. */
int port_new_named(uv_loop_t *loop, const char *name, const char *path,
		   const struct port_handlers *handlers, void *owner, struct port **port);

/* Not a socket that stands for one. */
bool port_is_virtio(const struct port *port);

/* A connection that was no port has ended: listen again. */
void port_listen(struct port *port);

/* The descriptor of a virtio port was closed by whoever has it: open the device again, now. */
void port_reopen(struct port *port);

/* NULL is fine. */
void port_free(struct port *port);

#endif

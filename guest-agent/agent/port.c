/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/port.h"
#include "drivers/uevent.h"
#include "guest-agent/common/unix_socket.h"
#include "guest-agent/system/ports.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SYSFS	    "/sys/class/virtio-ports"
#define UNIX_PREFIX "unix:"
#define BACKLOG	    8

struct port {
	uv_poll_t poll;	 /* on the listening socket, or on the device events' */
	int fd;		 /* its descriptor */
	char device[64]; /* that is open; empty: none */
	const char *name;
	const char *path;
	bool is_missed; /* where it is not there, or is another's, that is told */
	const struct port_handlers *handlers;
	void *owner;
	uv_loop_t *loop;
};

static int find(const struct port *port, char *device, size_t capacity)
{
	if (!port->path)
		return ports_find(PORTS_SYSFS, port->name, device, capacity);
	if ((size_t)snprintf(device, capacity, "%s", port->path) >= capacity)
		return -ENAMETOOLONG;
	return access(device, F_OK) < 0 ? -errno : 0;
}

static int open_device(const char *device)
{
	int fd = open(device, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	/* The event comes before, or the last host has just gone. */
	return errno == ENXIO || errno == ENODEV ? -ENOENT : -errno;
}

static void look_for_device(struct port *port)
{
	char device[sizeof(port->device)] = "";
	int fd = find(port, device, sizeof(device));

	if (fd == 0)
		fd = open_device(device);
	if (fd >= 0) {
		memcpy(port->device, device, sizeof(device));
		port->handlers->connected(port->owner, fd, true);
	} else if (fd != -ENOENT) {
		if (port->is_missed)
			log_error("cannot open port %s: %s%s", *device ? device : port->name,
				  error_text(fd),
				  fd == -EBUSY ? "; is another lodge-agent running?" : "");
		port->handlers->failed(port->owner, fd);
	}
}

static bool still_there(const struct port *port)
{
	char device[sizeof(port->device)];

	return find(port, device, sizeof(device)) == 0 && strcmp(device, port->device) == 0;
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct port *port = poll->data;

	(void)status;
	(void)events;
	if (!uevent_drain(port->fd, "virtio-ports"))
		return;
	if (port->device[0] && still_there(port))
		return;
	if (port->device[0]) {
		port->device[0] = '\0';
		port->handlers->removed(port->owner);
	}
	look_for_device(port);
}

/* One host at a time: the others wait in the socket's queue. */
static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct port *port = poll->data;
	int fd = accept4(port->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)status;
	(void)events;
	if (fd < 0)
		return;
	uv_poll_stop(poll);
	port->handlers->connected(port->owner, fd, false);
}

static bool is_unix(const struct port *port)
{
	return port->path && strncmp(port->path, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
}

void port_listen(struct port *port)
{
	assert(is_unix(port));
	uv_poll_start(&port->poll, UV_READABLE, on_connection);
}

static int begin(struct port *port)
{
	int error;

	/* Events first, then the look: nothing is missed in between. */
	port->fd = is_unix(port)
			   ? unix_socket_listen(port->path + strlen(UNIX_PREFIX), 0600, BACKLOG)
			   : uevent_open();
	if (port->fd < 0)
		return port->fd;
	error = uv_poll_init(port->loop, &port->poll, port->fd);
	if (error) {
		close(port->fd);
		return error;
	}
	port->poll.data = port;
	return 0;
}

static int make(uv_loop_t *loop, const struct port *described, struct port **result)
{
	struct port *port = calloc(1, sizeof(*port));
	const char *path = described->path;
	int error;

	if (!port)
		return -ENOMEM;
	*port = *described;
	port->loop = loop;
	error = begin(port);
	if (error) {
		log_error("cannot listen %s%s: %s", is_unix(port) ? "on " : "for device events",
			  is_unix(port) ? path + strlen(UNIX_PREFIX) : "", error_text(error));
		free(port);
		return error;
	}
	*result = port;
	if (is_unix(port)) {
		port_listen(port);
		return 0;
	}
	uv_poll_start(&port->poll, UV_READABLE, on_event);
	look_for_device(port);
	if (!port->device[0] && port->is_missed)
		log_info("waiting for port %s", path ? path : port->name);
	return 0;
}

int port_new(uv_loop_t *loop, const char *path, const struct port_handlers *handlers, void *owner,
	     struct port **result)
{
	const struct port described = {
		.name = PORT_NAME,
		.path = path,
		.is_missed = true,
		.handlers = handlers,
		.owner = owner,
	};

	return make(loop, &described, result);
}

int port_new_named(uv_loop_t *loop, const char *name, const char *path,
		   const struct port_handlers *handlers, void *owner, struct port **result)
{
	const struct port described = {
		.name = name,
		.path = path,
		.handlers = handlers,
		.owner = owner,
	};

	return make(loop, &described, result);
}

bool port_is_virtio(const struct port *port)
{
	return !is_unix(port);
}

void port_reopen(struct port *port)
{
	assert(!is_unix(port));
	port->device[0] = '\0';
	look_for_device(port);
}

static void on_released(uv_handle_t *poll)
{
	free(poll->data);
}

void port_free(struct port *port)
{
	if (!port)
		return;
	uv_close((uv_handle_t *)&port->poll, on_released);
	close(port->fd);
	if (is_unix(port))
		unlink(port->path + strlen(UNIX_PREFIX));
}

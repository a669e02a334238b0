/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share_server - the lodge-fsd of one share, as lodged sees it
 *
 * A process in a session of its own, so that it outlives lodged: the next lodged finds it by its
 * socket. The connection to that socket is the process' pulse, and carries a session of the native
 * protocol on which lodged is the host: `share.open` goes there. When the process dies it is
 * started again, more slowly each time.
 */
#ifndef LODGE_DAEMON_SHARE_SERVER_H
#define LODGE_DAEMON_SHARE_SERVER_H

#include "host/daemon/share/share_spec.h"
#include "protocol/session.h"

#include <uv.h>

#define SHARE_PROGRAM "lodge-fsd"
#define SHARE_FOLDER  "share" /* in the VM's: NAME.sock, NAME.log, NAME~fs */
/* A virtio file system's tag has no more (virtio 1.2, 5.11.4): shares with longer names have none.
 */
#define SHARE_TAG_MAX 36

struct share_server;

struct share_server_handlers {
	/* It serves; again after each start. */
	void (*ready)(void *owner);
	/* It does not: it died before it ever was ready, or cannot be started. @text: one line for
	 * people. Nothing more is tried; free it. */
	void (*failed)(void *owner, int error, const char *text);
};

/* Does the VM's emulator connect to it, too, for a virtio file system (by vhost-user)? */
enum share_device {
	SHARE_DEVICE_NONE,
	SHARE_DEVICE,
	SHARE_DEVICE_AS_BEFORE, /* of one that an earlier lodged started */
};

/**
 * share_server_new() - find the process by its socket, or start it
 * @folder:	the VM's
 * @spec:	outlives the server
 * @device:	SHARE_DEVICE_AS_BEFORE: an earlier lodged started it: it is tried again for ever,
 *		`failed` never comes
 *
 * Handlers are called from the loop alone.
 *
 * Return: 0; -ENAMETOOLONG: the socket's path is too long; -errno.
 */
int share_server_new(uv_loop_t *loop, const char *folder, const struct share_spec *spec,
		     enum share_device device, const struct share_server_handlers *handlers,
		     void *owner, struct share_server **server);

/* NULL: it is not ready. Requests may be made on it. */
struct session *share_server_session(const struct share_server *server);

/* Where the emulator connects to; NULL: it has no device. */
const char *share_server_device(const struct share_server *server);

/* lodged ends and the VM does not: the process stays. NULL is fine. */
void share_server_leave(struct share_server *server);
/* The share or its VM is no more, and neither shall the process be. NULL is fine. */
void share_server_end(struct share_server *server);

/* Ends those that were left behind in a VM's folder. */
void share_server_end_orphans(const char *folder);

#endif

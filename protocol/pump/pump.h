/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pump - moves a session's bytes over a file descriptor on a libuv loop
 *
 * Reads when there is something to read, writes while there is output and the descriptor takes it.
 * Sockets, pipes and virtio-serial ports alike; the last keep reporting hang-up while nobody
 * listens on the host, so a pump waits for edges, not levels, and costs nothing meanwhile.
 */
#ifndef LODGE_PROTOCOL_PUMP_H
#define LODGE_PROTOCOL_PUMP_H

#include "protocol/session.h"

#include <uv.h>

struct pump;

struct pump_handlers {
	/* End of file, hang-up or error (@error: 0 or negative errno). The session has already been
	 * told by session_disconnected(). A port stays open and usable: `opened` follows when the
	 * other side is back. Another descriptor is done: call pump_free(). */
	void (*closed)(void *owner, int error);
	/* Ports only: the host side is there (again). Typically session_start(). */
	void (*opened)(void *owner);
};

/**
 * pump_new() - start to pump
 * @loop:	the loop
 * @fd:		becomes the pump's, also on failure; made non-blocking
 * @is_port:	a virtio-serial port, whose hang-up is not an end
 * @session:	stays the caller's; must live as long as the pump. Its `wake` handler must call
 *		pump_wake().
 * @handlers:	constant
 *
 * Return: 0 or negative errno.
 */
int pump_new(uv_loop_t *loop, int fd, bool is_port, struct session *session,
	     const struct pump_handlers *handlers, void *owner, struct pump **pump);

/* Who speaks no session: another protocol's bytes. */
struct pump_bytes {
	/* Take up to @capacity bytes that shall go out; 0: there are none. */
	size_t (*output)(void *owner, void *bytes, size_t capacity);
	void (*input)(void *owner, const void *bytes, size_t length);
	/* Before `closed`. */
	void (*disconnected)(void *owner);
};

/* As pump_new(). pump_wake() when there is output. */
int pump_new_bytes(uv_loop_t *loop, int fd, bool is_port, const struct pump_bytes *bytes,
		   const struct pump_handlers *handlers, void *owner, struct pump **pump);

/* To be called from the session's `wake`; safe in any handler. NULL is fine. */
void pump_wake(struct pump *pump);

/* Stops and closes the descriptor; memory goes when the loop has let go. Safe in any handler: no
 * handler of the pump is called afterwards. The session is left as it is. NULL is fine. */
void pump_free(struct pump *pump);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bus_peer - D-Bus between two programs, without a bus, on a connected unix socket
 *
 * For descriptors that are handed over: libdbus connects and accepts by itself only. Either role of
 * the handshake; whoever has the descriptor is let in. Nothing blocks. What is sent waits in a
 * queue that the owner keeps short by looking at bus_peer_queued() and by waiting for replies; what
 * a peer sends is bounded, and nothing that it announces is believed before it has come.
 */
#ifndef LODGE_SCREEN_BUS_PEER_H
#define LODGE_SCREEN_BUS_PEER_H

#include "host/screen/bus/bus_message.h"

#include <uv.h>

#define BUS_PEER_MAX_FDS    16 /* received, and not in a message yet */
#define BUS_PEER_MAX_CALLS  64 /* of ours, without a reply yet */
#define BUS_PEER_MAX_QUEUE  (256U << 20)
#define BUS_PEER_START_MS   10000 /* for the handshake */
#define BUS_ERROR_FAILED    "org.freedesktop.DBus.Error.Failed"
#define BUS_ERROR_ARGUMENTS "org.freedesktop.DBus.Error.InvalidArgs"
#define BUS_ERROR_METHOD    "org.freedesktop.DBus.Error.UnknownMethod"
#define BUS_ERROR_INTERFACE "org.freedesktop.DBus.Error.UnknownInterface"
#define BUS_ERROR_OBJECT    "org.freedesktop.DBus.Error.UnknownObject"
#define BUS_ERROR_PROPERTY  "org.freedesktop.DBus.Error.UnknownProperty"
#define BUS_ERROR_READ_ONLY "org.freedesktop.DBus.Error.PropertyReadOnly"
#define BUS_ERROR_DENIED    "org.freedesktop.DBus.Error.AccessDenied"
#define BUS_ERROR_LIMITS    "org.freedesktop.DBus.Error.LimitsExceeded"

enum bus_role {
	BUS_SERVER, /* of the handshake; both may call then */
	BUS_CLIENT,
};

struct bus_peer;

/* The peer may be freed in any of them. */
struct bus_peer_handlers {
	/* A call: answer now or later with bus_peer_reply() or bus_peer_refuse(), unless
	 * BUS_NO_REPLY is among its flags. @fds: message->fds descriptors; take_fd() what is to
	 * stay open. */
	void (*call)(void *owner, const struct bus_message *message, int *fds);
	/* The queue has become empty; also when the handshake is over. NULL: not interested. */
	void (*drained)(void *owner);
	/* The other side has gone (0), or has broken the rules (-EBADMSG, -EMSGSIZE, ...). Replies
	 * that are waited for do not come. Call bus_peer_free(). */
	void (*closed)(void *owner, int error);
};

/* @message: BUS_REPLY or BUS_ERROR. @fds as with call. */
typedef void bus_replied(void *owner, const struct bus_message *message, int *fds);

/**
 * bus_peer_new() - begin the handshake
 * @fd:		becomes the peer's, also on failure
 * @max_message: larger ones of the other side close the connection (-EMSGSIZE)
 *
 * Return: 0; -ENOMEM; or negative errno.
 */
int bus_peer_new(uv_loop_t *loop, int fd, enum bus_role role, size_t max_message,
		 const struct bus_peer_handlers *handlers, void *owner, struct bus_peer **peer);
/* Safe in any handler. NULL is fine. */
void bus_peer_free(struct bus_peer *peer);
/* The handshake is over: what was queued is on its way. */
bool bus_peer_is_up(const struct bus_peer *peer);
/* Bytes that the kernel has not taken yet. */
size_t bus_peer_queued(const struct bus_peer *peer);

/**
 * bus_peer_call() - call a method of the other side
 * @interface, @member: likewise @path
 * @signature:	of @body
 * @body:	is taken over, also on failure; NULL: none
 * @fd:		sent along, and stays the caller's; negative: none
 * @replied:	NULL: no reply is wanted
 *
 * Return: 0; -EAGAIN: BUS_PEER_MAX_CALLS wait for their replies; -ENOBUFS: the queue is full;
 * -EMSGSIZE: the body is more than a message may have; -ENOTSUP: descriptors cannot be sent here;
 * -EPIPE: it is closed; -ENOMEM.
 */
int bus_peer_call(struct bus_peer *peer, const char *path, const char *interface,
		  const char *member, const char *signature, struct bus_writer *body, int fd,
		  bus_replied *replied, void *owner);
/* Nobody waits for those replies any more. */
void bus_peer_forget(struct bus_peer *peer, const void *owner);

/* Answers to the call of that serial. @signature and @body as above; NULL: nothing. */
int bus_peer_reply(struct bus_peer *peer, uint32_t serial, const char *signature,
		   struct bus_writer *body);
int bus_peer_refuse(struct bus_peer *peer, uint32_t serial, const char *error, const char *text);

#endif

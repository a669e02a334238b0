/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bus_peer - D-Bus messages with one peer, over a connected socket that somebody handed over
 *
 * libdbus makes and checks messages; it has no way to take a descriptor that is connected already,
 * so what carries them is here: the authentication of either side (the D-Bus Specification,
 * "Authentication Protocol"; EXTERNAL, whoever holds the other end is welcome), messages whole, and
 * the descriptors that go with them.
 */
#ifndef LODGE_SCREEN_BUS_PEER_H
#define LODGE_SCREEN_BUS_PEER_H

#include <dbus/dbus.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define BUS_PEER_MAX_MESSAGE (128U << 20) /* as the specification says */
#define BUS_PEER_MAX_QUEUE   (256U << 20) /* a queue longer than that closes it */
#define BUS_PEER_MAX_FDS     8		  /* of a message */
#define BUS_PEER_START_MS    10000	  /* for a client to authenticate */

struct bus_peer;

struct bus_peer_handlers {
	/* Authenticated: messages may be sent (they wait until then). May be NULL. */
	void (*ready)(void *owner);
	/* A call or a signal. @fds: those that came with it, close-on-exec; what is left there is
	 * closed, what is taken is to be set to -1. */
	void (*message)(void *owner, DBusMessage *message, int *fds, size_t count);
	/* The queue has become empty. May be NULL. */
	void (*drained)(void *owner);
	/* The peer has gone (0), broke the rules, or did not authenticate (-ETIMEDOUT). Nothing
	 * follows; call bus_peer_free(). */
	void (*closed)(void *owner, int error);
};

/**
 * bus_peer_new() - over a connected unix stream socket
 * @fd:		becomes the peer's, also on failure; made non-blocking
 * @is_server:	of the authentication: the other side begins, and has BUS_PEER_START_MS
 *
 * Return: 0; -ENOMEM; or negative errno.
 */
int bus_peer_new(uv_loop_t *loop, int fd, bool is_server, const struct bus_peer_handlers *handlers,
		 void *owner, struct bus_peer **peer);

/* Longer messages of the other side break the rules. BUS_PEER_MAX_MESSAGE to begin with. */
void bus_peer_limit(struct bus_peer *peer, size_t max_message);

/* Sends a signal, call or reply, whose serial is set here. @fd: goes along, as the message's only
 * descriptor, and is closed, also on failure; negative: none. The message stays yours. 0; -ENOMEM;
 * -ENOBUFS. */
int bus_peer_send(struct bus_peer *peer, DBusMessage *message, int fd);

/* @reply: a method return or an error. */
typedef void bus_peer_reply(void *owner, DBusMessage *reply);
/* The same for a call whose reply is waited for. */
int bus_peer_call(struct bus_peer *peer, DBusMessage *message, int fd, bus_peer_reply *reply,
		  void *owner);

/* Bytes that the kernel has not taken yet. */
size_t bus_peer_queued(const struct bus_peer *peer);
/* Closes at once; replies that are waited for do not come. NULL is fine; safe in any handler. */
void bus_peer_free(struct bus_peer *peer);

#endif

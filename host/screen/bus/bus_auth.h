/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bus_auth - the lines before the first message (D-Bus specification, "Authentication Protocol"),
 * without I/O
 *
 * As the server everybody is let in who says EXTERNAL or ANONYMOUS: he has the descriptor. As the
 * client we say EXTERNAL, and then ANONYMOUS if that is refused.
 */
#ifndef LODGE_SCREEN_BUS_AUTH_H
#define LODGE_SCREEN_BUS_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BUS_AUTH_MAX_LINE   512
#define BUS_AUTH_MAX_LINES  16 /* of a peer, before it must have come to an end */
#define BUS_AUTH_GUID_SIZE  33 /* 32 hexadecimal digits and NUL */
#define BUS_AUTH_MAX_ANSWER 128

enum bus_auth_state {
	BUS_AUTH_NUL,	/* server: the byte before all lines */
	BUS_AUTH_IDLE,	/* server: AUTH is expected */
	BUS_AUTH_DATA,	/* server: the name he has not said yet */
	BUS_AUTH_BEGIN, /* server: he is in, BEGIN is expected */
	BUS_AUTH_OK,	/* client: whether EXTERNAL does */
	BUS_AUTH_OK_ANONYMOUS,
	BUS_AUTH_FDS, /* client: whether descriptors can be passed */
	BUS_AUTH_DONE,
};

struct bus_auth {
	enum bus_auth_state state;
	unsigned int lines;
	bool fds; /* may be passed */
	char guid[BUS_AUTH_GUID_SIZE];
};

/* @guid: of the server, what it calls itself. */
void bus_auth_server(struct bus_auth *auth, const char *guid);
/* @hello: what is sent first. Return: its length. */
size_t bus_auth_client(struct bus_auth *auth, uid_t uid, char hello[BUS_AUTH_MAX_ANSWER]);

/**
 * bus_auth_take() - the peer's next line, if it is there
 * @used:	bytes that are done with
 * @answer:	what is to be sent
 * @answer_length: of it; 0: nothing
 *
 * Return: 0, and auth->state may be BUS_AUTH_DONE; -EAGAIN: it is not there yet; -EACCES: the
 * server does not let us in; -EBADMSG.
 */
int bus_auth_take(struct bus_auth *auth, const uint8_t *bytes, size_t length, size_t *used,
		  char answer[BUS_AUTH_MAX_ANSWER], size_t *answer_length);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * websocket - framing of RFC 6455, as the server, without I/O
 *
 * The peer's frames become pieces of payload and control frames; messages have no meaning of their
 * own here, since what is carried is a stream of bytes. Nothing is gathered but control frames of
 * at most 125 bytes, so a frame's size costs nothing.
 */
#ifndef LODGE_SCREEN_WEBSOCKET_H
#define LODGE_SCREEN_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEBSOCKET_MAX_CONTROL 125
#define WEBSOCKET_MAX_HEADER  10
#define WEBSOCKET_MAX_FRAME   (1ULL << 30) /* of the peer; viewers send little */
#define WEBSOCKET_MAX_KEY     64
#define WEBSOCKET_ACCEPT_SIZE 29 /* with its NUL */

enum websocket_opcode {
	WEBSOCKET_CONTINUATION = 0,
	WEBSOCKET_TEXT = 1,
	WEBSOCKET_BINARY = 2,
	WEBSOCKET_CLOSE = 8,
	WEBSOCKET_PING = 9,
	WEBSOCKET_PONG = 10,
};

/* Section 7.4.1. */
enum websocket_status {
	WEBSOCKET_NORMAL = 1000,
	WEBSOCKET_PROTOCOL_ERROR = 1002,
	WEBSOCKET_UNSUPPORTED = 1003,
	WEBSOCKET_NO_STATUS = 1005,
	WEBSOCKET_TOO_BIG = 1009,
};

/* Begins as zeroes. */
struct websocket {
	uint8_t header[14];
	size_t have;	    /* bytes of the header */
	uint64_t remaining; /* of the payload; only while in_payload */
	bool in_payload;
	bool in_message; /* a message has begun, and a fragment of it is to follow */
	bool failed;
	unsigned int mask_at;
	uint8_t control[WEBSOCKET_MAX_CONTROL];
	size_t control_length;
	uint16_t status; /* of a close frame; after a failure: what to tell the peer */
};

enum websocket_event {
	WEBSOCKET_NEED_MORE, /* all was used */
	WEBSOCKET_DATA,	     /* *payload, within the bytes given */
	WEBSOCKET_PINGED,    /* *payload, to be sent back; valid until the next call */
	WEBSOCKET_CLOSED,    /* by the peer; status says why. Nothing follows */
};

/**
 * websocket_decode() - what comes next
 * @bytes:	of the peer; unmasked in place
 * @used:	how many of them are done with
 *
 * Return: enum websocket_event; -EPROTO: the peer broke the rules, from now on always, and `status`
 * is to be told to it.
 */
int websocket_decode(struct websocket *websocket, uint8_t *bytes, size_t length, size_t *used,
		     const uint8_t **payload, size_t *payload_length);

/* The header of an unfragmented frame of a server. Return: its length. */
size_t websocket_header(uint8_t header[WEBSOCKET_MAX_HEADER], enum websocket_opcode opcode,
			uint64_t length);

/* Sec-WebSocket-Accept for a Sec-WebSocket-Key (section 4.2.2). -EINVAL: that is no key (16 bytes
 * in base64). */
int websocket_accept(const char *key, char accept[WEBSOCKET_ACCEPT_SIZE]);

#endif

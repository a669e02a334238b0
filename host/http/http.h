/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * http - requests and the heads of answers of HTTP/1.1 (RFC 9110, 9112), without I/O
 *
 * Strict where requests could be read in two ways: no folded lines, no space before a colon, no
 * chunks, lines end with CR LF, and what may be there once is there once.
 */
#ifndef LODGE_HTTP_HTTP_H
#define LODGE_HTTP_HTTP_H

#include "protocol/cbor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_MAX_HEAD	16384
#define HTTP_MAX_TARGET 2048
#define HTTP_MAX_BODY	1024

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
};

/* Slices lie within the bytes that were read. */
struct http_request {
	enum http_method method;
	struct slice path; /* as sent, from '/' up to a '?' */
	bool keep_alive;
	bool upgrade;	   /* "Connection: upgrade" and "Upgrade: websocket" */
	bool old;	   /* HTTP/1.0 */
	struct slice host; /* there is always one, except in HTTP/1.0 */
	struct slice origin, cookie, fetch_site;
	struct slice websocket_key, websocket_version, websocket_protocol;
	struct slice body;
};

/**
 * http_parse() - the request at the start of @bytes
 * @used:	its length, body included
 *
 * Return: 0; -EAGAIN: there is more to come; or what http_status() has a number for.
 */
int http_parse(const uint8_t *bytes, size_t length, struct http_request *request, size_t *used);

/* For a failure of http_parse(). */
unsigned int http_status(int error);
const char *http_reason(unsigned int status);

/* Calls @item for each element of a list that commas part, without the white space around it; ends
 * when that gives true, and then gives true. */
bool http_each(struct slice list, bool (*item)(void *owner, struct slice item), void *owner);

/* Equal but for the case of ASCII letters. */
bool http_is(struct slice text, const char *other);

struct http_answer {
	unsigned int status;
	const char *type; /* of the body; NULL: there is none, and no length either */
	size_t length;
	const char *more; /* further lines, each ended by CR LF; or NULL */
	bool keep_alive;
	const char
		*socket; /* where the page may open a WebSocket besides its origin: "ws://host" */
};

#define HTTP_HEAD_SIZE 2048

/* The head of an answer, with what keeps a page to itself. Return: its length. */
size_t http_head(const struct http_answer *answer, char head[HTTP_HEAD_SIZE]);

#endif

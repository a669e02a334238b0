/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * access - whether a request comes from where it must, and from somebody who has the token
 *
 * What is secret is compared in a time that does not depend on what is right about it.
 */
#ifndef LODGE_HTTP_ACCESS_H
#define LODGE_HTTP_ACCESS_H

#include "host/http/http.h"

#include <netinet/in.h>

#define ACCESS_MIN_TOKEN   16 /* letters, digits, '-', '.', '_' and '~' */
#define ACCESS_MAX_TOKEN   128
#define ACCESS_COOKIE_SIZE 65 /* 32 bytes in hexadecimal, and NUL */
#define ACCESS_PREFIX	   "lodge."

struct access {
	char token[ACCESS_MAX_TOKEN + 1];
	char cookie[ACCESS_COOKIE_SIZE]; /* follows from the token, and not the other way */
	char cookie_name[24];		 /* cookies of a host are the same for all of its ports */
	char *host;			 /* a further name; or NULL */
};

/* @port: of the listener, 0 if it has none. 0; -EINVAL: that is no token; -ENOMEM. */
int access_init(struct access *access, const char *token, const char *host, unsigned int port);
void access_destroy(struct access *access);

/* Whether a Host of a request is a name of this machine. A name that anybody could make point at it
 * (DNS rebinding) is not. @local: the address of our end of the connection, "" for unix sockets. */
bool access_host_is_ours(const struct access *access, struct slice host, const char *local);
/* Whether it was our own page that asked. */
bool access_is_same_origin(const struct http_request *request, bool tls);
bool access_has_token(const struct access *access, struct slice token);
bool access_has_cookie(const struct access *access, struct slice cookies);
/* Whether the token is among the subprotocols of a WebSocket; *@binary: and "binary" too. */
bool access_has_protocol(const struct access *access, struct slice protocols, bool *binary);

#endif

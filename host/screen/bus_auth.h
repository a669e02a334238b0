/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bus_auth - the lines before the first message (D-Bus Specification, "Authentication Protocol") */
#ifndef LODGE_SCREEN_BUS_AUTH_H
#define LODGE_SCREEN_BUS_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#define BUS_AUTH_MAX_LINE   256 /* of the peer, without its end */
#define BUS_AUTH_MAX_ANSWER 96

struct bus_auth {
	bool is_server;
	bool passes_fds; /* both sides said so */
	bool is_done;	 /* messages follow */
	unsigned int state, lines;
};

/* What a client says first, behind a byte of zero; "" for a server. Its length. */
size_t bus_auth_begin(struct bus_auth *auth, bool is_server, char answer[BUS_AUTH_MAX_ANSWER]);
/* A line of the peer, without CR LF. Sets @answer, "" for none. 0; -EACCES; -EPROTO. */
int bus_auth_line(struct bus_auth *auth, const char *line, size_t length,
		  char answer[BUS_AUTH_MAX_ANSWER]);

#endif

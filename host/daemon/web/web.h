/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * web - the lodge-web of a lodged: the figures in a browser (host/web)
 *
 * Started when somebody wants it, with a listening socket, a token and a socket pair; it asks over
 * that for snapshots while somebody looks. It ends with lodged; the next lodged starts another at
 * the same address and with the same token, which are kept in the runtime folder until then.
 *
 *	web.c		the process and its address
 *	web_answers.c	what it asks for: snapshots, pictures, screens
 */
#ifndef LODGE_DAEMON_WEB_H
#define LODGE_DAEMON_WEB_H

#include <stddef.h>

struct lodged;
struct web;

#define WEB_ADDRESS 256

/* NULL without memory. */
struct web *web_new(struct lodged *lodged);
/* It ends. NULL is fine. */
void web_free(struct web *web);

/* Starts it again if an earlier lodged had it. */
void web_take_up(struct web *web);

/**
 * web_open() - have it run
 * @port:	of 127.0.0.1; 0: where it was, or any free one
 * @address:	receives what a browser opens, token included
 *
 * Return: 0; -errno with one line for people in @error.
 */
int web_open(struct web *web, unsigned int port, char address[WEB_ADDRESS], char *error,
	     size_t capacity);

/* Ends it, for good: its address is not valid any more. */
void web_stop(struct web *web);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * console - a VM's serial console, for several people at once
 *
 * lodged holds the one connection to console.sock, keeps the last CONSOLE_HISTORY bytes, and gives
 * each client one end of a socket pair. A client that does not read is cut off rather than waited
 * for.
 */
#ifndef LODGE_DAEMON_CONSOLE_H
#define LODGE_DAEMON_CONSOLE_H

#include <stdbool.h>
#include <uv.h>

#define CONSOLE_HISTORY	    (64 * 1024)
#define CONSOLE_MAX_CLIENTS 32
/* Bytes waiting for one client before it is cut off. */
#define CONSOLE_CLIENT_QUEUE (1024 * 1024)

struct console;

/* Connects to @path, again and again until it is there. NULL: console_give() connects it. -ENOMEM.
 */
int console_new(uv_loop_t *loop, const char *path, struct console **console);
/* A connection to the serial console, which becomes the console's, and is given up with the last
 * client: others want it, too. */
int console_give(struct console *console, int fd);
bool console_is_connected(const struct console *console);
/* The VM is gone: its last words are read, and clients get them and an end of file. NULL is fine.
 */
void console_end(struct console *console);
/* Clients see an end of file behind what they have not read yet. NULL is fine. */
void console_free(struct console *console);

/* A new client: its end in @fd. @replay: what came last goes first; after console_end() that is
 * all. -EMFILE, -errno. */
int console_open(struct console *console, bool replay, int *fd);

#endif

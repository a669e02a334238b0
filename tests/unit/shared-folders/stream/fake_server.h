/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake_server - a server in the place of shared-folders/server, whose calls are counted
 *
 * The opcode says what it does, the unique which call it is:
 *	FAKE_ECHO	the reply is what the request carried
 *	FAKE_ROOM	the reply has as many bytes as a uint32_t behind the header says
 *	FAKE_SILENT	there is no reply
 *	FAKE_WAIT	done with EINTR when the server is freed
 *	FUSE_OPEN	the handle is FAKE_HANDLE; close is quiet if the node's number is even
 *	FUSE_GETATTR	the size is FAKE_SIZE
 *	FUSE_UNLINK	done, unless the node is 0
 */
#ifndef LODGE_TESTS_FAKE_SERVER_H
#define LODGE_TESTS_FAKE_SERVER_H

#include "shared-folders/server/server.h"

enum { FAKE_ECHO = 1000, FAKE_ROOM, FAKE_SILENT, FAKE_WAIT };

#define FAKE_UNIQUES 4096
#define FAKE_HANDLE  77
#define FAKE_SIZE    4321

/* How often the call with that unique was run since fake_server_reset(). */
unsigned int fake_server_runs(uint64_t unique);
/* The thread (gettid(2)) that ran it last; 0: none. */
pid_t fake_server_thread(uint64_t unique);
void fake_server_reset(void);
/* Servers that have been made and not freed; and made since fake_server_reset(). */
unsigned int fake_servers(void);
unsigned int fake_servers_made(void);
/* The one made last. */
const struct server *fake_server_latest(void);
/* Who looks for the server's peer (0: nobody), and what it is done with. */
uint32_t fake_server_looker(const struct server *server);
uint64_t fake_server_looker_done(const struct server *server);
bool fake_server_is_crowded(const struct server *server);
/* The latest server says something to its peer. */
int fake_server_notify(const struct iovec *message, size_t count);

#endif

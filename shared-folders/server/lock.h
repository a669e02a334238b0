/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lock - locks of the peer's processes, as locks of this machine
 *
 * Each owner of record locks over there (a process, or an open file description) has an open file
 * description of its own here for each file, with OFD locks (fcntl(2)): so they exclude other
 * owners of this peer, other peers and processes of this machine alike, and the kernel here
 * divides, joins and orders them. flock(2) is done to the handle's own description.
 *
 * Who has to wait waits in a thread of its own, so that nothing else does.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_LOCK_H
#define LODGE_SHARED_FOLDERS_SERVER_LOCK_H

#include "shared-folders/server/handle.h"

/* The owner closed a descriptor of the file: all its record locks there are gone. */
void locks_drop_owner(struct server *server, struct inode *inode, uint64_t owner);

/* The handle is gone, and with it the locks that were taken by it. */
void locks_drop_handle(struct server *server, const struct handle *handle);

/* Once all waiting calls were cancelled: until their threads are gone. */
void locks_settle(struct server *server);

#endif

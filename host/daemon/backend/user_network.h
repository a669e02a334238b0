/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * user_network - a lodge-net for a VM whose VMM does not start one itself
 *
 * It outlives lodged and ends when the VM hangs up.
 */
#ifndef LODGE_DAEMON_USER_NETWORK_H
#define LODGE_DAEMON_USER_NETWORK_H

#include <stddef.h>

/**
 * user_network_start() - start a lodge-net, and wait until its ports are bound
 * @program:	its path
 * @socket:	where it is to listen
 * @forwards:	NULL-terminated, or NULL
 * @log:	file that receives what it says
 * @error:	receives one line for people on failure: its own words, if it had any
 *
 * Blocks for milliseconds: for worker threads. Return: 0 or -errno.
 */
int user_network_start(const char *program, const char *socket, char *const *forwards,
		       const char *log, char *error, size_t capacity);

/* It was not needed after all: lets one that still waits for its VM end. */
void user_network_cancel(const char *socket);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * export_server - the lodge-fsd of an export, which outlives the agent
 *
 * It has a socket of its own in a folder of root's, named by the session's id, where the next agent
 * finds it; so files that the host has open stay so. It ends by itself when no agent is connected
 * and no session is kept any more. A socket's name also says whether its server can write: an agent
 * that may not give that does not find it.
 */
#ifndef LODGE_AGENT_EXPORT_SERVER_H
#define LODGE_AGENT_EXPORT_SERVER_H

#include "protocol/share.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct export_server_options {
	const char *folder; /* of the sockets, may not be there yet; NULL: it ends with us */
	const char *path;   /* what it serves */
	const char *user;   /* who it is; NULL: root */
	uint64_t uid, gid;  /* whose files are shown; uid 0: as they are */
	bool read_only;
};

/* The folder that belongs to the agent's socket. Return: NULL without memory; to be freed. */
char *export_server_folder(const char *share_socket);

/**
 * export_server_start() - start one, and connect to it
 * @pid:	set to our child's
 * @fd:	set to the connection, the caller's
 *
 * Return: 0; negative errno, as of share_program_start() too.
 */
int export_server_start(const struct export_server_options *options,
			const uint8_t id[SHARE_SESSION_SIZE], pid_t *pid, int *fd);

/* Return: a connection to one that is there; negative errno. @folder: NULL: none is. */
int export_server_find(const char *folder, const uint8_t id[SHARE_SESSION_SIZE], bool read_only);

/* It shall not be found again. @folder: may be NULL. */
void export_server_forget(const char *folder, const uint8_t id[SHARE_SESSION_SIZE], bool read_only);

/* Remove the sockets of those that have ended. */
void export_server_sweep(const char *folder);

#endif

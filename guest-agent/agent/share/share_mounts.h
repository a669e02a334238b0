/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share_mounts - the host's shares, and the mounts of those that have a place (`at`)
 *
 * The list is kept in a file, too: for lodge-guest, and for the next agent, which finds the mounts
 * of this one and unmounts what the host shares no more.
 */
#ifndef LODGE_AGENT_SHARE_MOUNTS_H
#define LODGE_AGENT_SHARE_MOUNTS_H

#include "guest-agent/agent/service.h"

struct share_line;
struct share_mounts;

/* What came of one that has a place: @error 0: it is mounted there; else -errno and one line for
 * people in @text. */
typedef void (*share_mounts_told)(void *owner, const struct share_line *line, int error,
				  const char *text);

/**
 * share_mounts_new() - nothing is shared yet
 * @socket:	for mount.lodge
 * @list:	path of the file; NULL: none is kept
 * @told:	called from the loop, after each list and whenever something changes
 *
 * Return: 0; -ENOMEM.
 */
int share_mounts_new(const struct service_context *context, const char *socket, const char *list,
		     share_mounts_told told, void *owner, struct share_mounts **mounts);

/* The host's list: an encoded share_list. Return: 0; -EBADMSG; -ENOMEM. */
int share_mounts_set(struct share_mounts *mounts, struct slice list);

/* The mounts stay. Memory goes as the loop runs on. NULL is fine. */
void share_mounts_free(struct share_mounts *mounts);

#endif

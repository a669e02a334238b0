/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent_state - how the agent's connection stands, left in a small file for the guest's tools
 *
 * One line: "PID connected" or "PID waiting". The agent removes it when it ends.
 */
#ifndef LODGE_GUEST_SYSTEM_AGENT_STATE_H
#define LODGE_GUEST_SYSTEM_AGENT_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#define AGENT_STATE_PATH "/run/lodge-agent.state"

struct agent_state {
	pid_t pid;
	bool connected;
};

/* Replaces the file in one step. Return: 0 or negative errno. */
int agent_state_write(const char *path, const struct agent_state *state);

/* Return: 0; -ENOENT: no agent, or one that died without a word; -EBADMSG; another errno. */
int agent_state_read(const char *path, struct agent_state *state);

#endif

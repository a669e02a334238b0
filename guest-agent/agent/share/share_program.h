/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share_program - starts mount.lodge and lodge-fsd
 */
#ifndef LODGE_AGENT_SHARE_PROGRAM_H
#define LODGE_AGENT_SHARE_PROGRAM_H

#include <sys/types.h>

/**
 * share_program_start() - as root, or as @user
 * @argv:	the program's name first, which is looked for beside the agent and in the usual
 *		places
 * @user:	as /etc/passwd has him; NULL: root
 * @input:	becomes its standard input; negative: /dev/null. Stays the caller's
 * @output:	becomes its standard output and error; negative: what it has to say goes where the
 *		agent's words go. Stays the caller's
 *
 * Return: its pid, to be waited for; -ENOPKG: there is no such program; -ESRCH: no such user;
 * another negative errno.
 */
pid_t share_program_start(const char *const *argv, const char *user, int input, int output);

#endif

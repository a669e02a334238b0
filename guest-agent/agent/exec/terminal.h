/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * terminal - a pseudo-terminal for a program
 */
#ifndef LODGE_AGENT_EXEC_TERMINAL_H
#define LODGE_AGENT_EXEC_TERMINAL_H

#include <stdint.h>
#include <sys/types.h>

/**
 * terminal_open() - make one
 * @owner:	user of the program's side
 * @ours:	our side
 * @programs:	the program's side
 *
 * Return: 0; or negative errno, typically because no devpts is mounted.
 */
int terminal_open(uid_t owner, int *ours, int *programs);

/* Sizes beyond what a terminal can have are cut. */
void terminal_resize(int ours, uint64_t rows, uint64_t columns);

#endif

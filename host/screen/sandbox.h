/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sandbox - what is left to a lodge-screen that a guest or a viewer has taken over
 *
 * The descriptors it holds and is handed, and the files of keyboard layouts. No paths else, no new
 * sockets, no network, no programs, no executable memory.
 */
#ifndef LODGE_SCREEN_SANDBOX_H
#define LODGE_SCREEN_SANDBOX_H

/* Single-threaded, after everything with a path is open. Return: 0; negative errno after a line
 * about it. */
int screen_sandbox_enter(void);

#endif

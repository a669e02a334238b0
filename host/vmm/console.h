/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * console - the far end of the serial line: standard input and output, or a unix socket
 *
 * Output never holds the guest up: it is kept in a ring, and written by the main thread a
 * millisecond later, so that a line costs one write and not one for each byte. What nobody takes
 * stays, up to CONSOLE_KEPT bytes, the oldest going first; who connects to the socket later sees
 * the last of it. One client at a time; the next waits.
 */
#ifndef LODGE_VMM_CONSOLE_H
#define LODGE_VMM_CONSOLE_H

#include "host/vmm/vm.h"

#define CONSOLE_KEPT (64 * 1024)

struct console;

/**
 * console_new() - make COM1 and open its far end, as options->serial says
 * @vm:		pio, loop, options, sockets and kvm are used
 * @console:	set on success; NULL with SERIAL_NONE
 *
 * Return: 0 or negative errno, after a line about it.
 */
int console_new(struct vm *vm, struct console **console);

/* Writes what is still kept, waiting for the far end a second at most. NULL is fine. */
void console_free(struct console *console);

/* The machine restarts. NULL is fine. */
void console_reset(struct console *console);

#endif

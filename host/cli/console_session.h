/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * console_session - this terminal becomes a VM's serial console
 *
 * Every key goes to the guest, but Ctrl-], which ends the session and leaves the VM alone. Where
 * standard input is no terminal, its bytes are passed on as they are, to their end; the output goes
 * on.
 */
#ifndef LODGE_CLI_CONSOLE_SESSION_H
#define LODGE_CLI_CONSOLE_SESSION_H

#include <stdbool.h>
#include <uv.h>

#define CONSOLE_ESCAPE 0x1d /* Ctrl-] */

struct console_session;

struct console_session_handlers {
	/* The session is over; @by_user: Ctrl-] was pressed or our output has gone, else the VM
	 * closed its console. */
	void (*ended)(void *owner, bool by_user);
};

/* @fd: of the console; becomes the session's, also on failure. Return: 0 or negative errno. */
int console_session_new(uv_loop_t *loop, int fd, const struct console_session_handlers *handlers,
			void *owner, struct console_session **session);

/* Restores the terminal. NULL is fine. */
void console_session_free(struct console_session *session);

#endif

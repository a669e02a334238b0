/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * send_file - one file for the guest's desktop ("screen.send-file", protocol/display.h)
 */
#ifndef LODGE_CLI_SEND_FILE_H
#define LODGE_CLI_SEND_FILE_H

#include "host/cli/agent_client.h"
#include "host/cli/progress.h"

#define SEND_FILE_NAME_BYTES 320

/**
 * send_file() - send it, and wait until it has its name there
 * @screen:	a session with the VM's screen
 * @name:	receives the name it was given; empty if the guest did not say
 *
 * Ctrl-C cancels it, and nothing is left of it in the guest. Its bytes are added to @progress.
 *
 * Return: 0; -ECANCELED; another negative errno. An error was printed.
 */
int send_file(struct agent *screen, const char *path, struct progress *progress,
	      char name[SEND_FILE_NAME_BYTES]);

#endif

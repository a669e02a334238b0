/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options - the command line of lodge-screen */
#ifndef LODGE_SCREEN_OPTIONS_H
#define LODGE_SCREEN_OPTIONS_H

#include "host/screen/clipboard.h"

#include <stdbool.h>
#include <stddef.h>

struct screen_options {
	const char *vmm;   /* lodge-vmm's display socket */
	int qemu_fd;	   /* connected to QEMU's D-Bus display; negative: none */
	bool await_qemu;   /* it will be handed over */
	int vnc_source_fd; /* connected to QEMU's VNC server; negative: none */
	bool await_vnc;	   /* likewise */
	bool await_pictures;
	const char *name; /* of the VM */
	const char *vnc;  /* sockets to listen on; NULL: none */
	const char *control;
	const char *handoff;
	const char *keyboard; /* the guest's layout */
	const char *certificate, *key;
	const char *novnc;
	struct clipboard_policy clipboard;
	int ready_fd; /* gets a byte when all listens; negative: none */
	bool sandbox;
	bool help, version;
};

/**
 * screen_options_parse() - read a command line
 * @options:	set on success; points into @words
 * @error:	on failure: one line for people
 *
 * Return: 0; -EINVAL with @error.
 */
int screen_options_parse(int count, char *const words[], struct screen_options *options,
			 char *error, size_t error_size);

extern const char screen_options_help[];

#endif

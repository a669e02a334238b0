/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options - the command line of mount.lodge, as mount(8) calls its helpers
 */
#ifndef LODGE_SHARED_FOLDERS_MOUNT_OPTIONS_H
#define LODGE_SHARED_FOLDERS_MOUNT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mount_options {
	const char *name;    /* of the share */
	const char *target;  /* where it is mounted */
	unsigned long flags; /* MS_* */
	bool stream;	     /* not by virtiofs */
	bool foreground, fake, help, version;
	bool private; /* root alone may use it */
	char dax[16]; /* for virtiofs alone: "dax", "dax=always", ...; empty: as the kernel has it
		       */
	char socket[108]; /* of the agent, or of a lodge-fsd */
	uint64_t wait_ms;
};

/**
 * mount_options_parse() - NAME DIRECTORY [-o OPTION[,OPTION]...] [-fnsv] [--foreground]
 * @error:	receives one line for people
 *
 * Return: 0; -EINVAL. Nothing is checked of NAME and DIRECTORY with help or version.
 */
int mount_options_parse(int argc, char **argv, struct mount_options *options, char *error,
			size_t error_size);

#endif

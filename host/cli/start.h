/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * start - what `lodge run` is told, as the options of org.lodge1.Manager.StartVM
 */
#ifndef LODGE_CLI_START_H
#define LODGE_CLI_START_H

#include "host/cli/client.h"
#include "host/cli/options.h"

#include <stdint.h>

/* NULL, 0 or empty: lodged's default. */
struct start_options {
	const char *name, *kernel, *initrd, *append, *accel, *net, *on_reboot, *on_panic;
	const char *size, *vnc, *clipboard, *memory_sharing;
	struct option_list disks, forwards;
	struct option_list shares; /* as share_line() has them */
	uint64_t cpus, memory_bytes, memory_most_bytes, heads;
	uint64_t memory_min_bytes, memory_shares;
	bool no_display;
};

/**
 * start_message() - the call, with paths made absolute
 *
 * Return: it; NULL without memory or a current folder.
 */
DBusMessage *start_message(const struct start_options *options);

/* @path behind the current folder unless absolute; what follows the first ',' of a disk is kept.
 * Return: a new string or NULL. */
char *start_absolute(const char *path);

#endif

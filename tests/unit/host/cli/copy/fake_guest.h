/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake_guest - the other end of a session, in a child process, that says what a test wants
 */
#ifndef LODGE_TEST_FAKE_GUEST_H
#define LODGE_TEST_FAKE_GUEST_H

#include "protocol/message.h"

#include <sys/types.h>

struct fake_entry {
	struct file_stat stat;
	const char *bytes; /* of a file; NULL: reading fails half-way with EIO */
};

struct fake_guest {
	const struct fake_entry *root; /* entries of the folder /root */
	size_t root_count;
	const struct fake_entry *sub; /* of any folder below */
	size_t sub_count;
	struct slice raw; /* if not empty: what every list is instead */
	bool hangs;	  /* no request is answered, nor its end */
};

#define ENTRY(entry_name, entry_mode, ...)                                                         \
	{                                                                                          \
		.stat = {.name = SLICE_LITERAL(entry_name), .mode = (entry_mode), __VA_ARGS__ }    \
	}

/* Starts it. Return: our end of the socket; *child is to be waited for after that is closed. */
int fake_guest_start(const struct fake_guest *guest, pid_t *child);

#endif

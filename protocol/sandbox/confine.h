/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * confine - a process that needs nothing but the descriptors it holds
 *
 * It moves into namespaces of its own: an empty root that cannot be written, nobody else's IPC, and
 * no network if it wants none. It has no capabilities and gains none. What system calls are left to
 * it is each program's own (seccomp).
 */
#ifndef LODGE_SANDBOX_CONFINE_H
#define LODGE_SANDBOX_CONFINE_H

#include <stdbool.h>

#define CONFINE_MAX_FILE (64U << 10)

struct confine {
	bool network;	    /* that of the host stays */
	const char *folder; /* stays readable where it is, with all in it; NULL: none */
	const char *file;   /* a copy of its first bytes stays where it is; NULL: none */
	int *file_fd;	    /* set to a descriptor that writes the copy; NULL: nobody will */
};

/**
 * confine_namespaces() - single-threaded still
 *
 * We stay who we are, seen from inside, also where that takes a user namespace. Without the right
 * to mount, root is not changed.
 *
 * Return: 0; negative errno if the host does not let us: what has been entered by then stays.
 */
int confine_namespaces(const struct confine *confine);

/* No capabilities, no new privileges, no core dumps, no debugger. 0 or negative errno. */
int confine_privileges(void);

#endif

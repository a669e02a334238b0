/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory_kept - what lodged has done to a VM for want of memory, for the next lodged to undo
 *
 * A file of each kind in the VM's folder, with the process that it was done to: of a VM that has
 * been started anew since, nothing is kept.
 */
#ifndef LODGE_DAEMON_MEMORY_KEPT_H
#define LODGE_DAEMON_MEMORY_KEPT_H

#include <stdbool.h>

struct vm;

enum memory_kept {
	MEMORY_KEPT_PAUSE, /* it does not run */
	MEMORY_KEPT_LIMIT, /* its cgroup has a limit */
	MEMORY_KEPT_KINDS,
};

/* @done false: it is undone, and nothing is kept. 0 or -errno. */
int memory_keep(const struct vm *vm, enum memory_kept what, bool done);
/* An earlier lodged has done it to the process that the VM is now. */
bool memory_is_kept(const struct vm *vm, enum memory_kept what);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory_pause - that it was lodged who paused a VM, for the next lodged
 *
 * A file in the VM's folder, with the process that was paused: of a VM that has been started anew
 * since, nothing is kept.
 */
#ifndef LODGE_DAEMON_MEMORY_PAUSE_H
#define LODGE_DAEMON_MEMORY_PAUSE_H

#include <stdbool.h>

struct vm;

/* @paused false: it goes on, and nothing is kept. 0 or -errno. */
int memory_pause_keep(const struct vm *vm, bool paused);
/* An earlier lodged has paused the process that the VM is now. */
bool memory_pause_is_kept(const struct vm *vm);

#endif

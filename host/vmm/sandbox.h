/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sandbox - what is left to a VMM whose guest has broken out of it
 *
 * After set-up the process needs nothing but the descriptors it holds. sandbox_process() moves it
 * into namespaces of its own: no network, nobody else's IPC, an empty root that cannot be written.
 * It has no capabilities and gains none. sandbox_thread() then leaves each thread the system calls
 * of its kind (seccomp): none opens a path, starts a program, makes a socket or executable memory.
 */
#ifndef LODGE_VMM_SANDBOX_H
#define LODGE_VMM_SANDBOX_H

#include "host/vmm/thread.h"

/**
 * sandbox_process() - enter namespaces; single-threaded still
 *
 * Where the host forbids namespaces (user namespaces for everybody, say), it warns and goes on:
 * seccomp alone keeps paths closed.
 *
 * Return: 0; negative errno if privileges cannot be given up, after a line about it.
 */
int sandbox_process(void);

/* Put the calling thread behind its filter. A system call that is not allowed ends the process
 * (SIGSYS). Aborts where a filter cannot be had: no thread runs without. */
void sandbox_thread(enum thread_kind kind);

#endif

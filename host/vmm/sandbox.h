/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sandbox - what is left to a VMM whose guest has broken out of it
 *
 * After set-up the process needs nothing but the descriptors it holds. sandbox_process() moves it
 * into namespaces of its own: no network, no other processes' IPC, and an empty, read-only root.
 * It gains no privileges any more and keeps none. sandbox_thread() then leaves each thread the
 * system calls of its kind: none opens a path, starts a program, or makes a socket.
 */
#ifndef LODGE_VMM_SANDBOX_H
#define LODGE_VMM_SANDBOX_H

#include "host/vmm/thread.h"

/**
 * sandbox_process() - enter namespaces; single-threaded still
 *
 * Where the host forbids a namespace (no user namespaces for users), it warns and goes on: seccomp
 * alone already keeps paths closed.
 *
 * Return: 0; negative errno if not even no_new_privs could be set, after a line about it.
 */
int sandbox_process(void);

/* Put the calling thread behind its filter. What is not allowed ends the process (SIGSYS).
 * Aborts where a filter cannot be had: a thread must not run without. */
void sandbox_thread(enum thread_kind kind);

#endif

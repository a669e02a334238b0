/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * thread - threads of the VMM: named, without signals, each behind the seccomp filter of its kind
 *
 * Threads start only after the process has entered its namespaces (the kernel demands that it was
 * single-threaded then), in pci_function_ops.start at the earliest, and before the main thread
 * takes its own filter, which forbids new threads. Signals are blocked, except the one that kicks
 * vCPUs and those of a failed access.
 */
#ifndef LODGE_VMM_THREAD_H
#define LODGE_VMM_THREAD_H

#include <pthread.h>
#include <stdbool.h>

enum thread_kind {
	THREAD_MAIN,   /* control socket, signals, serial console */
	THREAD_VCPU,   /* KVM_RUN and register callbacks of devices */
	THREAD_DEVICE, /* queues of devices: read, write, io_uring, sockets that are open already */
};

struct thread {
	pthread_t id;
	enum thread_kind kind;
	bool sandboxed;
	bool running; /* to be joined */
	char name[16];
	void (*run)(void *argument);
	void *argument;
};

/**
 * thread_start() - run @run in a new thread
 * @thread:	the caller's, until thread_join() has returned
 * @sandboxed:	vm->sandboxed: false only with --no-sandbox
 * @name:	at most 15 bytes, as shown by ps -L
 *
 * Return: 0 or negative errno.
 */
int thread_start(struct thread *thread, enum thread_kind kind, bool sandboxed, const char *name,
		 void (*run)(void *argument), void *argument);

/* Wait for its end. Fine if it was never started (zeroed). */
void thread_join(struct thread *thread);

#endif

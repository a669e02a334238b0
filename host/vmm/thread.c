/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/thread.h"

#include "host/vmm/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

/* Ours need little; what they share is on the heap. */
#define STACK_SIZE (256 * 1024)

static void *run(void *argument)
{
	struct thread *thread = argument;

	pthread_setname_np(pthread_self(), thread->name);
	if (thread->sandboxed)
		sandbox_thread(thread->kind);
	thread->run(thread->argument);
	return NULL;
}

int thread_start(struct thread *thread, enum thread_kind kind, bool sandboxed, const char *name,
		 void (*function)(void *argument), void *argument)
{
	sigset_t blocked, before;
	pthread_attr_t attributes;
	int error;

	*thread = (struct thread){
		.kind = kind, .sandboxed = sandboxed, .run = function, .argument = argument};
	snprintf(thread->name, sizeof(thread->name), "%s", name);

	sigfillset(&blocked);
	/* Of an access that failed (dax_faults.h); blocked, they would end the process. */
	sigdelset(&blocked, SIGBUS);
	sigdelset(&blocked, SIGSEGV);
	if (kind == THREAD_VCPU)
		sigdelset(&blocked, SIGUSR1);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	error = pthread_create(&thread->id, &attributes, run, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	thread->running = error == 0;
	return -error;
}

void thread_join(struct thread *thread)
{
	if (thread->running)
		pthread_join(thread->id, NULL);
	thread->running = false;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/fsd/ending.h"

#include "protocol/base/log.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static sigset_t signals(int other)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	if (other)
		sigaddset(&set, other);
	return set;
}

void fsd_ending_defer(void)
{
	/* The end of a child that came before it was waited for is not to be missed. */
	const sigset_t set = signals(SIGCHLD);

	sigprocmask(SIG_BLOCK, &set, NULL);
}

int fsd_ending_wait(pid_t child)
{
	const sigset_t set = signals(SIGCHLD);
	int status = 0, number;
	pid_t ended;

	for (;;) {
		ended = waitpid(child, &status, WNOHANG);
		if (ended == child || (ended < 0 && errno != EINTR))
			return status;
		if (sigwait(&set, &number) == 0 && number == SIGTERM)
			kill(child, SIGTERM);
	}
}

void fsd_ending_init(struct fsd_ending *ending)
{
	*ending = (struct fsd_ending){.machine = NULL};
	pthread_mutex_init(&ending->lock, NULL);
}

/* Return: is a machine there that would wait? */
static bool withdraw(struct fsd_ending *ending)
{
	bool holds;

	pthread_mutex_lock(&ending->lock);
	ending->ends = true;
	holds = ending->machine;
	if (holds)
		server_withdraw(ending->machine);
	pthread_mutex_unlock(&ending->lock);
	return holds;
}

static void *await(void *owner)
{
	const sigset_t set = signals(0);
	struct fsd_ending *ending = owner;
	int number;

	while (sigwait(&set, &number) != 0)
		;
	if (!withdraw(ending))
		_exit(0);
	log_info("the folder is shared no more; a machine that has it mounted gets errors");
	if (ending->ended)
		ending->ended(ending->owner);
	while (sigwait(&set, &number) != 0)
		;
	_exit(0);
}

int fsd_ending_await(struct fsd_ending *ending, void (*ended)(void *owner), void *owner)
{
	pthread_t thread;
	int error;

	ending->ended = ended;
	ending->owner = owner;
	error = pthread_create(&thread, NULL, await, ending);
	if (error)
		return -error;
	pthread_detach(thread);
	return 0;
}

bool fsd_ending_serve(struct fsd_ending *ending, struct server *server)
{
	bool in_time;

	pthread_mutex_lock(&ending->lock);
	in_time = !ending->ends;
	if (in_time)
		ending->machine = server;
	pthread_mutex_unlock(&ending->lock);
	return in_time;
}

void fsd_ending_leave(struct fsd_ending *ending)
{
	pthread_mutex_lock(&ending->lock);
	ending->machine = NULL;
	pthread_mutex_unlock(&ending->lock);
}

bool fsd_ending_has_come(struct fsd_ending *ending)
{
	bool ends;

	pthread_mutex_lock(&ending->lock);
	ends = ending->ends;
	pthread_mutex_unlock(&ending->lock);
	return ends;
}

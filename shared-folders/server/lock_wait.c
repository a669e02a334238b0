/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread answers the call in any case. Who cancels makes it leave the system call: the signal
 * may come before the thread is in it, so it is sent until the thread says that it is out.
 */
#include "shared-folders/server/lock_wait.h"

#include "protocol/base/cleanup.h"
#include "shared-folders/server/lock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#define LEAVE_SIGNAL (SIGRTMIN + 2)
#define STACK_BYTES  (64 * 1024)

struct lock_wait {
	struct waiter waiter; /* first: it is what `cancel` is given */
	struct server *server;
	struct handle *handle;
	struct lock_job job;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool started, out, cancelled; /* the last: by whom has nothing to do with us any more */
};

static void nothing(int signal_number)
{
	(void)signal_number;
}

static int install_handler(void)
{
	/* No SA_RESTART: it is there to interrupt. */
	struct sigaction action = {.sa_handler = nothing};

	return sigaction(LEAVE_SIGNAL, &action, NULL) < 0 ? -errno : 0;
}

static void free_wait(struct lock_wait *wait)
{
	struct server *server = wait->server;

	if (wait->job.release)
		wait->job.release(server, wait->job.user);
	handle_put(server, wait->handle);
	pthread_mutex_destroy(&wait->lock);
	pthread_cond_destroy(&wait->changed);
	free(wait);
}

static void leave_count(struct server *server)
{
	pthread_mutex_lock(&server->lock);
	server->lock_threads--;
	pthread_cond_broadcast(&server->lock_threads_changed);
	pthread_mutex_unlock(&server->lock);
}

/* The waiter was taken from us: until whoever did so has no more business with it. */
static void await_cancel(struct lock_wait *wait)
{
	pthread_mutex_lock(&wait->lock);
	while (!wait->cancelled)
		pthread_cond_wait(&wait->changed, &wait->lock);
	pthread_mutex_unlock(&wait->lock);
}

static void say_out(struct lock_wait *wait)
{
	pthread_mutex_lock(&wait->lock);
	wait->out = true;
	pthread_cond_broadcast(&wait->changed);
	pthread_mutex_unlock(&wait->lock);
}

static void cancel(struct server *server, struct waiter *waiter)
{
	struct lock_wait *wait = (struct lock_wait *)waiter;

	(void)server;
	pthread_mutex_lock(&wait->lock);
	while (!wait->out) {
		struct timespec until;

		if (wait->started)
			pthread_kill(wait->thread, LEAVE_SIGNAL);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&wait->changed, &wait->lock, &until);
	}
	wait->cancelled = true;
	pthread_cond_broadcast(&wait->changed);
	pthread_mutex_unlock(&wait->lock);
}

static int take_lock(struct lock_wait *wait)
{
	const struct lock_job *job = &wait->job;
	int r = job->flock ? flock(job->fd, job->operation)
			   : fcntl(job->fd, F_OFD_SETLKW, &job->range);

	if (r < 0)
		return -errno;
	return job->accept ? job->accept(wait->server, job->user) : 0;
}

static void *wait_for_lock(void *data)
{
	struct lock_wait *wait = data;
	struct server *server = wait->server;
	sigset_t signals;
	int r;

	/* Nothing but that one signal is for us. */
	sigfillset(&signals);
	sigdelset(&signals, LEAVE_SIGNAL);
	pthread_sigmask(SIG_SETMASK, &signals, NULL);
	pthread_mutex_lock(&wait->lock);
	wait->thread = pthread_self();
	wait->started = true;
	pthread_mutex_unlock(&wait->lock);

	r = take_lock(wait);
	say_out(wait);
	if (!server_take(server, &wait->waiter))
		await_cancel(wait);
	server_answer(server, &wait->waiter, r, NULL, 0);
	free_wait(wait);
	leave_count(server);
	return NULL;
}

/* Return: 0 or negative errno. */
static int start_thread(struct lock_wait *wait)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	r = pthread_create(&thread, &attributes, wait_for_lock, wait);
	pthread_attr_destroy(&attributes);
	return r ? -ENOLCK : 0;
}

/* One more thread, if there may be one. */
static bool enter_count(struct server *server)
{
	bool room;

	pthread_mutex_lock(&server->lock);
	room = server->lock_threads < LOCK_WAITERS_MAX;
	if (room)
		server->lock_threads++;
	pthread_mutex_unlock(&server->lock);
	return room;
}

static struct handle *keep_handle(struct server *server, struct handle *handle)
{
	pthread_mutex_lock(&server->lock);
	handle->references++;
	pthread_mutex_unlock(&server->lock);
	return handle;
}

int lock_wait(struct task *task, struct handle *handle, const struct lock_job *job)
{
	struct server *server = task->server;
	struct lock_wait *wait = calloc(1, sizeof(*wait));
	int r;

	if (!wait) {
		if (job->release)
			job->release(server, job->user);
		return -ENOMEM;
	}
	wait->waiter.cancel = cancel;
	wait->server = server;
	wait->handle = keep_handle(server, handle);
	wait->job = *job;
	pthread_mutex_init(&wait->lock, NULL);
	pthread_cond_init(&wait->changed, NULL);
	r = install_handler();
	if (r == 0 && !enter_count(server))
		r = -ENOLCK;
	if (r < 0) {
		free_wait(wait);
		return r;
	}
	r = server_wait(task, &wait->waiter);
	if (r == 0) {
		r = start_thread(wait);
		if (r == 0)
			return TASK_LATER;
		say_out(wait);
		if (!server_take(server, &wait->waiter))
			await_cancel(wait);
	}
	free_wait(wait);
	leave_count(server);
	return r;
}

void locks_settle(struct server *server)
{
	pthread_mutex_lock(&server->lock);
	while (server->lock_threads > 0)
		pthread_cond_wait(&server->lock_threads_changed, &server->lock);
	pthread_mutex_unlock(&server->lock);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/loop.h"

#include "protocol/base/cleanup.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define EVENTS_AT_ONCE 16

struct loop_source {
	struct loop *loop;
	int fd;
	loop_handler handler; /* NULL: removed, freed after this round of events */
	void *owner;
	struct loop_source *next;
};

struct task {
	loop_task run;
	void *argument;
	bool *done; /* loop_call() waits for it; else NULL and the task is ours to free */
	struct task *next;
};

struct loop {
	int epoll_fd;
	int wake_fd; /* eventfd: tasks were posted, or stop */
	struct loop_source *sources;
	struct loop_source *removed;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t done;
	struct task *first, **last;
	bool stop;
	bool running;
	pthread_t thread; /* while running */
};

struct loop *loop_new(void)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->last = &loop->first;
	pthread_mutex_init(&loop->lock, NULL);
	pthread_cond_init(&loop->done, NULL);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event) < 0) {
		int saved = errno;

		loop_free(loop);
		errno = saved;
		return NULL;
	}
	return loop;
}

static void free_sources(struct loop_source *source)
{
	while (source) {
		struct loop_source *next = source->next;

		free(source);
		source = next;
	}
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	free_sources(loop->sources);
	free_sources(loop->removed);
	while (loop->first) {
		struct task *task = loop->first;

		loop->first = task->next;
		free(task);
	}
	cleanup_close(&loop->wake_fd);
	cleanup_close(&loop->epoll_fd);
	pthread_cond_destroy(&loop->done);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_handler handler, void *owner,
		struct loop_source **source)
{
	struct loop_source *added = calloc(1, sizeof(*added));
	struct epoll_event event = {.events = events, .data.ptr = added};

	if (!added)
		return -ENOMEM;
	*added = (struct loop_source){loop, fd, handler, owner, loop->sources};
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		free(added);
		return -errno;
	}
	loop->sources = added;
	*source = added;
	return 0;
}

int loop_modify(struct loop_source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	if (epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event) < 0)
		return -errno;
	return 0;
}

/* An event for it may have been fetched already, so its memory goes only after this round. */
void loop_remove(struct loop_source *source)
{
	struct loop_source **at;
	struct loop *loop;

	if (!source)
		return;
	loop = source->loop;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	for (at = &loop->sources; *at != source; at = &(*at)->next)
		;
	*at = source->next;
	source->handler = NULL;
	source->next = loop->removed;
	loop->removed = source;
}

static void wake(struct loop *loop)
{
	eventfd_write(loop->wake_fd, 1);
}

void loop_stop(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->stop = true;
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
}

/* With the lock held. */
static void append(struct loop *loop, struct task *task)
{
	task->next = NULL;
	*loop->last = task;
	loop->last = &task->next;
}

int loop_post(struct loop *loop, loop_task run, void *argument)
{
	struct task *task = malloc(sizeof(*task));

	if (!task)
		return -ENOMEM;
	*task = (struct task){.run = run, .argument = argument};
	pthread_mutex_lock(&loop->lock);
	append(loop, task);
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
	return 0;
}

void loop_call(struct loop *loop, loop_task run, void *argument)
{
	bool done = false;
	struct task task = {.run = run, .argument = argument, .done = &done};

	pthread_mutex_lock(&loop->lock);
	if (!loop->running || pthread_equal(loop->thread, pthread_self())) {
		pthread_mutex_unlock(&loop->lock);
		run(argument);
		return;
	}
	append(loop, &task);
	wake(loop);
	while (!done)
		pthread_cond_wait(&loop->done, &loop->lock);
	pthread_mutex_unlock(&loop->lock);
}

/* Runs what is posted; says whether the loop goes on. Without more tasks and told to stop, the loop
 * stops running in the same breath, so that no loop_call() can fall between. */
static bool run_tasks(struct loop *loop)
{
	bool go_on;

	pthread_mutex_lock(&loop->lock);
	while (loop->first) {
		struct task *task = loop->first;

		loop->first = task->next;
		if (!loop->first)
			loop->last = &loop->first;
		pthread_mutex_unlock(&loop->lock);
		task->run(task->argument);
		pthread_mutex_lock(&loop->lock);
		if (task->done) {
			*task->done = true;
			pthread_cond_broadcast(&loop->done);
		} else {
			free(task);
		}
	}
	go_on = !loop->stop;
	if (!go_on)
		loop->running = loop->stop = false;
	pthread_mutex_unlock(&loop->lock);
	return go_on;
}

static void dispatch(struct loop *loop, const struct epoll_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		struct loop_source *source = events[i].data.ptr;
		eventfd_t ignored;

		if (!source)
			eventfd_read(loop->wake_fd, &ignored);
		else if (source->handler)
			source->handler(source->owner, events[i].events);
	}
	free_sources(loop->removed);
	loop->removed = NULL;
}

int loop_run(struct loop *loop)
{
	struct epoll_event events[EVENTS_AT_ONCE];

	pthread_mutex_lock(&loop->lock);
	loop->running = true;
	loop->thread = pthread_self();
	pthread_mutex_unlock(&loop->lock);
	while (run_tasks(loop)) {
		int count = epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, -1);

		if (count < 0 && errno != EINTR) {
			int error = -errno;

			loop_stop(loop);
			run_tasks(loop);
			return error;
		}
		dispatch(loop, events, count);
	}
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine for kernels that refuse io_uring: a few threads, each with one blocking call at a
 * time. Steps to do and steps done are two lists under one lock; an eventfd tells the loop.
 */
#include "host/vmm/block/engine.h"

#include "host/vmm/thread.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define THREADS 4

struct step_list {
	struct block_request *first, **last;
};

struct pool {
	struct block_engine engine;
	int event_fd;
	struct loop_source *source;
	struct thread thread[THREADS];
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wanted, finished;
	struct step_list to_do, done;
	bool ending;
};

static void append(struct step_list *list, struct block_request *request)
{
	request->next = NULL;
	*list->last = request;
	list->last = &request->next;
}

static struct block_request *take_first(struct step_list *list)
{
	struct block_request *request = list->first;

	if (request) {
		list->first = request->next;
		if (!list->first)
			list->last = &list->first;
	}
	return request;
}

static struct pool *of(struct block_engine *engine)
{
	return CONTAINER_OF(engine, struct pool, engine);
}

/* Return: bytes, 0, or negative errno. At most 2 GiB are done at once: the kernel's own limit. */
static int carry_out(int fd, const struct block_request *request)
{
	int pieces = (int)request->pieces;
	off_t offset = (off_t)request->offset;
	ssize_t result = 0;

	switch (request->by_writing ? BLOCK_WRITE : request->operation) {
	case BLOCK_READ:
		result = preadv(fd, request->iov, pieces, offset);
		break;
	case BLOCK_WRITE:
		result = pwritev2(fd, request->iov, pieces, offset,
				  request->durable ? RWF_DSYNC : 0);
		break;
	case BLOCK_FLUSH:
		result = fdatasync(fd);
		break;
	case BLOCK_DISCARD:
	case BLOCK_WRITE_ZEROES:
		result = fallocate(fd, block_fallocate_mode(request), offset,
				   (off_t)request->length);
		break;
	}
	return result < 0 ? -errno : (int)result;
}

static void run(void *argument)
{
	struct pool *pool = argument;

	pthread_mutex_lock(&pool->lock);
	while (!pool->ending) {
		struct block_request *request = take_first(&pool->to_do);

		if (!request) {
			pthread_cond_wait(&pool->wanted, &pool->lock);
			continue;
		}
		pthread_mutex_unlock(&pool->lock);
		request->result = carry_out(pool->engine.fd, request);
		pthread_mutex_lock(&pool->lock);
		append(&pool->done, request);
		pthread_cond_signal(&pool->finished);
		eventfd_write(pool->event_fd, 1);
	}
	pthread_mutex_unlock(&pool->lock);
}

static void submit(struct block_engine *engine, struct block_request *request)
{
	struct pool *pool = of(engine);

	pthread_mutex_lock(&pool->lock);
	append(&pool->to_do, request);
	pthread_mutex_unlock(&pool->lock);
	pthread_cond_signal(&pool->wanted);
}

static void commit(struct block_engine *engine)
{
	(void)engine;
}

static void reap(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->done.first) {
		struct block_request *request = take_first(&pool->done);

		pthread_mutex_unlock(&pool->lock);
		pool->engine.complete(pool->engine.owner, request);
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
}

static void on_completion(void *owner, uint32_t events)
{
	struct pool *pool = owner;
	eventfd_t ignored;

	(void)events;
	eventfd_read(pool->event_fd, &ignored);
	reap(pool);
}

static void wait(struct block_engine *engine)
{
	struct pool *pool = of(engine);

	pthread_mutex_lock(&pool->lock);
	while (!pool->done.first)
		pthread_cond_wait(&pool->finished, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
	reap(pool);
}

static int start(struct block_engine *engine, struct loop *loop, bool sandboxed)
{
	struct pool *pool = of(engine);

	for (unsigned int i = 0; i < THREADS; i++) {
		int result = thread_start(&pool->thread[i], THREAD_DEVICE, sandboxed, "disk worker",
					  run, pool);

		if (result < 0)
			return result;
	}
	return loop_add_fd(loop, pool->event_fd, EPOLLIN, on_completion, pool, &pool->source);
}

static void pool_free(struct block_engine *engine)
{
	struct pool *pool = of(engine);

	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	pthread_mutex_unlock(&pool->lock);
	pthread_cond_broadcast(&pool->wanted);
	for (unsigned int i = 0; i < THREADS; i++)
		thread_join(&pool->thread[i]);
	loop_remove(pool->source);
	cleanup_close(&pool->event_fd);
	pthread_cond_destroy(&pool->wanted);
	pthread_cond_destroy(&pool->finished);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

static const struct block_engine_ops ops = {
	.name = "threads",
	.start = start,
	.submit = submit,
	.commit = commit,
	.wait = wait,
	.free = pool_free,
};

int thread_engine_new(int fd, block_complete complete, void *owner, struct block_engine **engine)
{
	_cleanup_free_ struct pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	pool->engine = (struct block_engine){&ops, fd, complete, owner};
	pool->to_do.last = &pool->to_do.first;
	pool->done.last = &pool->done.first;
	pool->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool->event_fd < 0)
		return -errno;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wanted, NULL);
	pthread_cond_init(&pool->finished, NULL);
	*engine = &take_ptr(pool)->engine;
	return 0;
}

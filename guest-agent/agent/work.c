/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/work.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define LINGER_NS   1000000000ULL
#define STACK_BYTES (256 * 1024)

struct queue {
	struct work *first;
	struct work **last;
};

struct workers {
	uv_mutex_t lock; /* guards all up to the blank line */
	uv_cond_t more;
	struct queue todo, finished;
	unsigned int threads, idle, queued;
	bool stopping;

	uv_async_t wake; /* the loop's, as is all below */
	bool wake_closed;
	unsigned int pending;
};

static void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
}

static void queue_put(struct queue *queue, struct work *work)
{
	work->next = NULL;
	*queue->last = work;
	queue->last = &work->next;
}

static struct work *queue_take(struct queue *queue)
{
	struct work *work = queue->first;

	if (!work)
		return NULL;
	queue->first = work->next;
	if (!queue->first)
		queue->last = &queue->first;
	return work;
}

static void destroy(struct workers *workers)
{
	uv_cond_destroy(&workers->more);
	uv_mutex_destroy(&workers->lock);
	free(workers);
}

/* Called locked. Nobody else refers to it: no thread, and the loop has let go of the handle. */
static bool is_last(const struct workers *workers)
{
	return workers->stopping && workers->wake_closed && workers->threads == 0;
}

/* Called locked; waits a while for work. */
static struct work *next_work(struct workers *workers)
{
	int error = 0;

	while (!workers->todo.first && !workers->stopping && !error) {
		workers->idle++;
		error = uv_cond_timedwait(&workers->more, &workers->lock, LINGER_NS);
		workers->idle--;
	}
	if (workers->stopping || !workers->todo.first)
		return NULL;
	workers->queued--;
	return queue_take(&workers->todo);
}

static void *thread_main(void *argument)
{
	struct workers *workers = argument;
	struct work *work;
	bool last;

	uv_mutex_lock(&workers->lock);
	while ((work = next_work(workers))) {
		uv_mutex_unlock(&workers->lock);
		work->run(work);
		uv_mutex_lock(&workers->lock);
		queue_put(&workers->finished, work);
		/* The handle is closed only after stopping was set under the lock. */
		if (!workers->stopping)
			uv_async_send(&workers->wake);
	}
	workers->threads--;
	last = is_last(workers);
	uv_mutex_unlock(&workers->lock);
	if (last)
		destroy(workers);
	return NULL;
}

static int start_thread(struct workers *workers)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	/* Signals are the loop's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, &attributes, thread_main, workers);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -error;
}

static void on_wake(uv_async_t *wake)
{
	struct workers *workers = wake->data;
	struct work *work, *next;

	uv_mutex_lock(&workers->lock);
	work = workers->finished.first;
	queue_init(&workers->finished);
	uv_mutex_unlock(&workers->lock);
	for (; work; work = next) {
		next = work->next;
		workers->pending--;
		work->done(work);
	}
}

static void on_wake_closed(uv_handle_t *wake)
{
	struct workers *workers = wake->data;
	bool last;

	uv_mutex_lock(&workers->lock);
	workers->wake_closed = true;
	last = is_last(workers);
	uv_mutex_unlock(&workers->lock);
	if (last)
		destroy(workers);
}

int workers_new(uv_loop_t *loop, struct workers **result)
{
	struct workers *workers = calloc(1, sizeof(*workers));
	int error;

	if (!workers)
		return -ENOMEM;
	queue_init(&workers->todo);
	queue_init(&workers->finished);
	workers->wake.data = workers;
	error = uv_mutex_init(&workers->lock);
	if (error)
		goto no_lock;
	error = uv_cond_init(&workers->more);
	if (error)
		goto no_cond;
	error = uv_async_init(loop, &workers->wake, on_wake);
	if (error)
		goto no_async;
	*result = workers;
	return 0;

no_async:
	uv_cond_destroy(&workers->more);
no_cond:
	uv_mutex_destroy(&workers->lock);
no_lock:
	free(workers);
	return error;
}

void workers_free(struct workers *workers)
{
	if (!workers)
		return;
	uv_mutex_lock(&workers->lock);
	workers->stopping = true;
	uv_cond_broadcast(&workers->more);
	uv_mutex_unlock(&workers->lock);
	uv_close((uv_handle_t *)&workers->wake, on_wake_closed);
}

bool workers_busy(struct workers *workers)
{
	bool busy;

	uv_mutex_lock(&workers->lock);
	busy = workers->idle == 0 && workers->threads == WORKERS_MAX;
	uv_mutex_unlock(&workers->lock);
	return busy;
}

bool workers_pending(const struct workers *workers)
{
	return workers->pending > 0;
}

void workers_submit(struct workers *workers, struct work *work)
{
	bool alone = false;
	int error;

	workers->pending++;
	uv_mutex_lock(&workers->lock);
	queue_put(&workers->todo, work);
	workers->queued++;
	uv_cond_signal(&workers->more);
	/* Idle threads may be on their way to earlier works, which may hang: one for each. */
	if (workers->queued > workers->idle && workers->threads < WORKERS_MAX) {
		error = start_thread(workers);
		if (!error)
			workers->threads++;
		else
			log_warning("cannot start a thread: %s", error_text(error));
		alone = workers->threads == 0;
		if (alone) {
			workers->queued--;
			queue_take(&workers->todo);
		}
	}
	uv_mutex_unlock(&workers->lock);

	/* No thread at all: better late than never. */
	if (alone) {
		work->run(work);
		uv_mutex_lock(&workers->lock);
		queue_put(&workers->finished, work);
		uv_mutex_unlock(&workers->lock);
		uv_async_send(&workers->wake);
	}
}

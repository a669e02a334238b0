/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/stream/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct pool {
	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t work;   /* there is some, or `ending` */
	pthread_cond_t quiet;  /* nothing is queued, and all threads are idle */
	struct pool_work *first, **last;
	unsigned int queued, idle, count, max;
	bool ending;
	pthread_t threads[];
};

static struct pool_work *next_work(struct pool *pool)
{
	struct pool_work *work;

	pool->idle++;
	if (!pool->first && pool->idle == pool->count)
		pthread_cond_broadcast(&pool->quiet);
	while (!pool->first && !pool->ending)
		pthread_cond_wait(&pool->work, &pool->mutex);
	pool->idle--;
	work = pool->first;
	if (!work)
		return NULL;
	pool->first = work->next;
	if (!pool->first)
		pool->last = &pool->first;
	pool->queued--;
	return work;
}

static void *thread_main(void *argument)
{
	struct pool *pool = argument;
	struct pool_work *work;

	pthread_mutex_lock(&pool->mutex);
	while ((work = next_work(pool))) {
		pthread_mutex_unlock(&pool->mutex);
		work->run(work);
		pthread_mutex_lock(&pool->mutex);
	}
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

int pool_new(unsigned int threads, struct pool **result)
{
	struct pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));

	if (!pool)
		return -ENOMEM;
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->quiet, NULL);
	pool->last = &pool->first;
	pool->max = threads;
	*result = pool;
	return 0;
}

int pool_submit(struct pool *pool, struct pool_work *work)
{
	int error = 0;

	work->next = NULL;
	pthread_mutex_lock(&pool->mutex);
	if (pool->idle <= pool->queued && pool->count < pool->max) {
		error = -pthread_create(&pool->threads[pool->count], NULL, thread_main, pool);
		if (!error)
			pool->count++;
		else if (pool->count > 0)
			error = 0; /* another will come to it */
	}
	if (!error) {
		*pool->last = work;
		pool->last = &work->next;
		pool->queued++;
		pthread_cond_signal(&pool->work);
	}
	pthread_mutex_unlock(&pool->mutex);
	return error;
}

void pool_finish(struct pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	while (pool->first || pool->idle < pool->count)
		pthread_cond_wait(&pool->quiet, &pool->mutex);
	pthread_mutex_unlock(&pool->mutex);
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	pool_finish(pool);
	pthread_mutex_lock(&pool->mutex);
	pool->ending = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->mutex);
	for (unsigned int i = 0; i < pool->count; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->work);
	pthread_cond_destroy(&pool->quiet);
	pthread_mutex_destroy(&pool->mutex);
	free(pool);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/loop_queue.h"

#include "protocol/base/bytes.h"

static void handle_all(struct loop_queue *queue)
{
	struct loop_item *item, *next;

	pthread_mutex_lock(&queue->lock);
	item = queue->first;
	queue->first = NULL;
	queue->last = &queue->first;
	pthread_mutex_unlock(&queue->lock);
	for (; item; item = next) {
		next = item->next;
		item->handle(item);
	}
}

static void on_wake(uv_async_t *wake)
{
	handle_all(CONTAINER_OF(wake, struct loop_queue, wake));
}

int loop_queue_init(struct loop_queue *queue, uv_loop_t *loop)
{
	int r = uv_async_init(loop, &queue->wake, on_wake);

	if (r < 0)
		return r;
	uv_unref((uv_handle_t *)&queue->wake);
	pthread_mutex_init(&queue->lock, NULL);
	queue->first = NULL;
	queue->last = &queue->first;
	return 0;
}

void loop_queue_post(struct loop_queue *queue, struct loop_item *item)
{
	item->next = NULL;
	pthread_mutex_lock(&queue->lock);
	*queue->last = item;
	queue->last = &item->next;
	pthread_mutex_unlock(&queue->lock);
	uv_async_send(&queue->wake);
}

void loop_queue_close(struct loop_queue *queue, uv_close_cb closed)
{
	handle_all(queue);
	uv_close((uv_handle_t *)&queue->wake, closed);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/vhost/queue_internal.h"

#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct vhost_queue *vhost_queue_new(unsigned int index, const struct vhost_service *service)
{
	struct vhost_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	queue->index = index;
	queue->service = service;
	queue->kick = queue->call = queue->error = -EBADF;
	queue->stopped = true;
	queue->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->quiet, NULL);
	if (queue->wake >= 0)
		return queue;
	vhost_queue_free(queue);
	return NULL;
}

static void forget_late(struct vhost_queue *queue)
{
	while (queue->late) {
		struct vhost_request *request = queue->late;

		queue->late = request->next;
		free(request);
	}
}

void vhost_queue_free(struct vhost_queue *queue)
{
	if (!queue)
		return;
	vhost_queue_stop(queue);
	forget_late(queue);
	vhost_memory_unref(queue->memory);
	cleanup_close(&queue->kick);
	cleanup_close(&queue->call);
	cleanup_close(&queue->error);
	cleanup_close(&queue->wake);
	pthread_cond_destroy(&queue->quiet);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

/* --- Start and stop --- */

static int find_ring(const struct vhost_queue *queue, const struct vhost_memory *memory,
		     struct virtqueue_layout *layout)
{
	int result;

	layout->size = queue->size;
	result = vhost_memory_find(memory, queue->address.descriptors, &layout->descriptors);
	if (result == 0)
		result = vhost_memory_find(memory, queue->address.available, &layout->available);
	if (result == 0)
		result = vhost_memory_find(memory, queue->address.used, &layout->used);
	return result;
}

static void begin_anew(struct vhost_queue *queue)
{
	queue->generation++;
	queue->outstanding = 0;
	forget_late(queue);
}

/* Locked. The ring goes on where it stopped, or it is another: then what we had of it is gone. */
static void take_up(struct vhost_queue *queue)
{
	bool notify = false;

	virtqueue_continue(&queue->ring, queue->base);
	if (queue->outstanding > queue->size || queue->ring.next_used != queue->used_was)
		begin_anew(queue);
	queue->ring.in_flight = (uint16_t)queue->outstanding;
	queue->stopped = false;
	while (queue->late) {
		struct vhost_request *request = queue->late;

		queue->late = request->next;
		notify |= vhost_queue_give_back(queue, request);
		free(request);
	}
	if (notify)
		vhost_queue_signal(queue->call);
}

int vhost_queue_start(struct vhost_queue *queue, struct vhost_memory *memory, uint64_t features)
{
	struct virtqueue_layout layout;
	int result;

	if (queue->running || !queue->enabled || queue->kick < 0 || !queue->has_address ||
	    queue->size == 0 || !memory)
		return 0;
	result = find_ring(queue, memory, &layout);
	if (result < 0)
		return result;
	pthread_mutex_lock(&queue->lock);
	result = virtqueue_start(&queue->ring, vhost_memory_map(memory), &layout, features);
	if (result == 0) {
		queue->ring.spares_wild = true;
		vhost_memory_unref(queue->memory);
		queue->memory = vhost_memory_ref(memory);
		take_up(queue);
	}
	pthread_mutex_unlock(&queue->lock);
	if (result < 0)
		return result;
	atomic_store(&queue->stopping, false);
	pace_reset(&queue->pace);
	result = -pthread_create(&queue->thread, NULL, vhost_queue_run, queue);
	queue->running = result == 0;
	if (result < 0)
		vhost_queue_stop(queue);
	return result;
}

void vhost_queue_stop(struct vhost_queue *queue)
{
	uint64_t count;

	if (queue->running) {
		atomic_store(&queue->stopping, true);
		vhost_queue_signal(queue->wake);
		pthread_join(queue->thread, NULL);
		if (read(queue->wake, &count, sizeof(count)) < 0)
			log_debug("a wake-up was lost");
		queue->running = false;
	}
	pthread_mutex_lock(&queue->lock);
	while (queue->serving > 0)
		pthread_cond_wait(&queue->quiet, &queue->lock);
	if (!queue->stopped) {
		queue->base = queue->ring.next_available;
		queue->used_was = queue->ring.next_used;
		virtqueue_stop(&queue->ring);
		queue->stopped = true;
	}
	pthread_mutex_unlock(&queue->lock);
}

uint32_t vhost_queue_end(struct vhost_queue *queue)
{
	vhost_queue_stop(queue);
	vhost_queue_set_kick(queue, -EBADF);
	return queue->base;
}

void vhost_queue_reset(struct vhost_queue *queue)
{
	vhost_queue_stop(queue);
	vhost_queue_set_kick(queue, -EBADF);
	pthread_mutex_lock(&queue->lock);
	begin_anew(queue);
	pthread_mutex_unlock(&queue->lock);
	queue->base = 0;
	queue->enabled = false;
	queue->has_address = false;
}

/* --- What the front end says --- */

int vhost_queue_set_size(struct vhost_queue *queue, uint32_t size)
{
	if (size == 0 || size > VIRTQUEUE_MAX_SIZE || (size & (size - 1)))
		return -EINVAL;
	vhost_queue_stop(queue);
	queue->size = (uint16_t)size;
	return 0;
}

int vhost_queue_set_base(struct vhost_queue *queue, uint32_t base)
{
	if (base > UINT16_MAX)
		return -EINVAL;
	vhost_queue_stop(queue);
	pthread_mutex_lock(&queue->lock);
	if (queue->base != base)
		begin_anew(queue);
	pthread_mutex_unlock(&queue->lock);
	queue->base = (uint16_t)base;
	return 0;
}

void vhost_queue_set_address(struct vhost_queue *queue,
			     const struct vhost_user_vring_address *address)
{
	vhost_queue_stop(queue);
	queue->address = *address;
	queue->has_address = true;
}

void vhost_queue_set_kick(struct vhost_queue *queue, int fd)
{
	vhost_queue_stop(queue);
	cleanup_close(&queue->kick);
	queue->kick = fd;
}

void vhost_queue_set_call(struct vhost_queue *queue, int fd)
{
	pthread_mutex_lock(&queue->lock);
	cleanup_close(&queue->call);
	queue->call = fd;
	/* What was pushed while there was none may have been meant for it. */
	if (queue->running)
		vhost_queue_signal(fd);
	pthread_mutex_unlock(&queue->lock);
}

void vhost_queue_set_error(struct vhost_queue *queue, int fd)
{
	vhost_queue_stop(queue);
	cleanup_close(&queue->error);
	queue->error = fd;
}

void vhost_queue_enable(struct vhost_queue *queue, bool enabled)
{
	if (!enabled)
		vhost_queue_stop(queue);
	queue->enabled = enabled;
}

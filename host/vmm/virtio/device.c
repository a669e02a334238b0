/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/device.h"

#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <assert.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define MAX_VIOLATIONS_TOLD 10

int virtio_device_init(struct virtio_device *device, const struct guestmem *memory,
		       uint16_t max_size)
{
	assert(device->queues <= VIRTIO_MAX_QUEUES && max_size <= VIRTIO_MAX_QUEUE_SIZE);
	device->memory = memory;
	sem_init(&device->go, 0, 0);
	sem_init(&device->parked, 0, 0);
	for (unsigned int i = 0; i < VIRTIO_MAX_QUEUES; i++)
		device->slot[i].kick_fd = -EBADF;
	for (unsigned int i = 0; i < device->queues; i++) {
		struct virtio_queue_slot *slot = &device->slot[i];

		slot->device = device;
		slot->max_size = max_size;
		slot->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (slot->kick_fd < 0)
			goto failed;
	}
	device->loop = loop_new();
	if (device->loop)
		return 0;
failed:;
	int error = -errno;

	virtio_device_release(device);
	return error;
}

void virtio_device_release(struct virtio_device *device)
{
	for (unsigned int i = 0; i < device->queues; i++)
		cleanup_close(&device->slot[i].kick_fd);
	loop_free(device->loop);
	device->loop = NULL;
	sem_destroy(&device->go);
	sem_destroy(&device->parked);
}

/* --- In the device's thread --- */

static void on_kick(void *owner, uint32_t events)
{
	struct virtio_queue_slot *slot = owner;
	struct virtio_device *device = slot->device;
	eventfd_t ignored;

	(void)events;
	eventfd_read(slot->kick_fd, &ignored);
	device->ops->queue_ready(device, (unsigned int)(slot - device->slot));
}

static void stop_queues(struct virtio_device *device)
{
	for (unsigned int i = 0; i < device->queues; i++) {
		loop_remove(device->slot[i].source);
		device->slot[i].source = NULL;
		virtqueue_stop(&device->slot[i].queue);
	}
}

void virtio_need_reset(struct virtio_device *device)
{
	stop_queues(device);
	if (!atomic_exchange(&device->broken, true))
		virtio_config_changed(device);
}

void virtio_break(struct virtio_device *device, const char *what)
{
	if (atomic_load(&device->broken))
		return;
	/* A guest may do this for ever: it does not get to fill the host's log. */
	if (device->violations < MAX_VIOLATIONS_TOLD) {
		device->violations++;
		log_warning("%s: the guest's driver broke the rules: %s; it waits for a reset%s",
			    device->name, what,
			    device->violations == MAX_VIOLATIONS_TOLD ? " (further ones not told)"
								      : "");
	}
	virtio_need_reset(device);
}

bool virtio_pop(struct virtio_device *device, unsigned int index, struct virtqueue_chain *chain)
{
	struct virtqueue *queue = virtio_queue(device, index);
	int got = virtqueue_pop(queue, chain);

	if (got < 0)
		virtio_break(device, queue->violation);
	return got > 0;
}

/* One thread writes: no need for a locked instruction. */
static void count_more(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
			      memory_order_relaxed);
}

void virtio_count(struct virtio_device *device, enum virtio_direction direction, size_t bytes)
{
	count_more(&device->traffic.bytes[direction], bytes);
	count_more(&device->traffic.operations[direction], 1);
}

void virtio_notify(struct virtio_device *device, unsigned int index)
{
	if (virtqueue_should_notify(virtio_queue(device, index)))
		device->bus_ops->notify_queue(device->bus, index);
}

void virtio_kick(struct virtio_device *device, unsigned int index)
{
	eventfd_write(device->slot[index].kick_fd, 1);
}

void virtio_config_changed(struct virtio_device *device)
{
	device->bus_ops->notify_config(device->bus);
}

struct activation {
	struct virtio_device *device;
	uint64_t features;
	const struct virtqueue_layout *layout;
};

static const char *start_queue(struct virtio_device *device, unsigned int index,
			       const struct virtqueue_layout *layout)
{
	struct virtio_queue_slot *slot = &device->slot[index];

	if (virtqueue_start(&slot->queue, device->memory, layout, device->features) < 0)
		return slot->queue.violation;
	if (loop_add_fd(device->loop, slot->kick_fd, EPOLLIN, on_kick, slot, &slot->source) < 0)
		return "no memory to watch a queue";
	/* Chains may be there already, and a kick for them may be lost. */
	virtio_kick(device, index);
	return NULL;
}

static void activate(void *argument)
{
	struct activation *activation = argument;
	struct virtio_device *device = activation->device;
	const char *wrong = NULL;

	device->features = activation->features;
	device->active = true;
	memcpy(device->layout, activation->layout, device->queues * sizeof(device->layout[0]));
	for (unsigned int i = 0; i < device->queues && !wrong; i++) {
		if (device->layout[i].size > 0 && !device->ops->served_elsewhere)
			wrong = start_queue(device, i, &device->layout[i]);
	}
	if (wrong)
		virtio_break(device, wrong);
	if (device->ops->activate)
		device->ops->activate(device);
}

static void reset(void *argument)
{
	struct virtio_device *device = argument;

	stop_queues(device);
	if (device->active && device->ops->reset)
		device->ops->reset(device);
	device->active = false;
	device->features = 0;
	atomic_store(&device->broken, false);
}

static void drain(void *argument)
{
	struct virtio_device *device = argument;

	if (device->ops->drain)
		device->ops->drain(device);
}

static void go_on(void *argument)
{
	struct virtio_device *device = argument;

	if (device->ops->resume)
		device->ops->resume(device);
}

static void run(void *argument)
{
	struct virtio_device *device = argument;

	while (!device->ending) {
		int result = loop_run(device->loop);

		if (result < 0)
			log_error("%s: cannot wait for events: %s", device->name,
				  error_text(result));
		sem_post(&device->parked);
		sem_wait(&device->go);
	}
}

/* --- In the caller's thread --- */

void virtio_device_activate(struct virtio_device *device, uint64_t features,
			    const struct virtqueue_layout layout[])
{
	struct activation activation = {device, features, layout};

	loop_call(device->loop, activate, &activation);
}

void virtio_device_reset(struct virtio_device *device)
{
	loop_call(device->loop, reset, device);
}

static void signal_go(void *semaphore)
{
	sem_post(semaphore);
}

int virtio_device_start(struct virtio_device *device, bool sandboxed)
{
	char name[16];
	int result = device->ops->start ? device->ops->start(device) : 0;

	if (result < 0)
		return result;
	snprintf(name, sizeof(name), "%.15s", device->name);
	result = loop_post(device->loop, signal_go, &device->parked);
	if (result < 0)
		return result;
	result = thread_start(&device->thread, THREAD_DEVICE, sandboxed, name, run, device);
	if (result < 0)
		return result;
	/* From here on loop_call() finds the loop running. */
	sem_wait(&device->parked);
	device->running = true;
	return 0;
}

/* The loop ends and its thread waits, so that loop_call() runs what it is given by itself. Only
 * then is what is in flight waited for: a kick that came before cannot start more. */
void virtio_device_pause(struct virtio_device *device)
{
	if (!device->running)
		return;
	loop_stop(device->loop);
	sem_wait(&device->parked);
	device->running = false;
	loop_call(device->loop, drain, device);
}

void virtio_device_resume(struct virtio_device *device)
{
	if (device->running || !device->thread.running)
		return;
	loop_call(device->loop, go_on, device);
	loop_post(device->loop, signal_go, &device->parked);
	sem_post(&device->go);
	sem_wait(&device->parked);
	device->running = true;
}

void virtio_device_free(struct virtio_device *device)
{
	virtio_device_pause(device);
	device->ending = true;
	sem_post(&device->go);
	thread_join(&device->thread);
	virtio_device_reset(device);
	device->ops->free(device);
}

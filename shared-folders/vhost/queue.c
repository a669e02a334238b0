/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/vhost/queue.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/virtqueue/queue.h"
#include "shared-folders/vhost/bounce.h"
#include "shared-folders/vhost/pace.h"

#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

/* With so many more behind it, also what is done in no time is worth a helper. */
#define DEEP 4

struct vhost_queue {
	unsigned int index;
	const struct vhost_service *service;

	/* Of the front end. */
	uint16_t size;
	uint16_t base;	   /* the next entry of the available ring, while the queue is stopped */
	uint16_t used_was; /* the used ring's index when it was stopped */
	struct vhost_user_vring_address address;
	bool has_address, enabled;
	int kick, error;

	pthread_t thread;
	bool running;
	atomic_bool stopping;
	int wake; /* eventfd: look at `stopping` */
	struct pace pace;
	struct virtqueue_chain chain; /* the thread's, on its way into a request */

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t quiet; /* `serving` became 0 */
	struct virtqueue ring;
	int call;
	struct vhost_memory *memory;
	unsigned int serving;	  /* requests that server_call() has not returned from */
	unsigned int outstanding; /* requests taken out and not given back */
	unsigned int generation;  /* of the ring: requests of an earlier one are forgotten */
	bool stopped;
	struct request *late; /* done while the queue was stopped */
};

struct request {
	struct pool_work work;
	struct server_call call;
	struct vhost_queue *queue;
	struct vhost_memory *memory;
	struct request *next;
	unsigned int generation;
	uint32_t length;
	uint16_t head;
	uint64_t *gpa; /* of its pieces, if some have no address; else NULL */
	struct vhost_bounce bounce;
	struct iovec iov[];
};

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
		struct request *request = queue->late;

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

static void signal_fd(int fd)
{
	static const uint64_t one = 1;

	/* One that is full is one that has been signalled. */
	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		log_debug("a vhost-user event was lost: %s", error_text(errno));
}

/* --- Requests --- */

/* Locked. Return: whether the guest wants to hear of it. */
static bool give_back(struct vhost_queue *queue, const struct request *request)
{
	queue->outstanding--;
	virtqueue_push(&queue->ring, request->head, request->length);
	return virtqueue_should_notify(&queue->ring);
}

static void request_done(struct server_call *call, size_t length)
{
	struct request *request = CONTAINER_OF(call, struct request, call);
	struct vhost_queue *queue = request->queue;
	bool late = false;

	length = vhost_bounce_end(&request->bounce, call, length);
	vhost_memory_unref(request->memory);
	request->length = (uint32_t)length;
	pthread_mutex_lock(&queue->lock);
	if (request->generation == queue->generation) {
		late = queue->stopped;
		if (late) {
			request->next = queue->late;
			queue->late = request;
		} else if (give_back(queue, request)) {
			signal_fd(queue->call);
		}
	}
	pthread_mutex_unlock(&queue->lock);
	if (!late)
		free(request);
}

/* Only the first pieces are needed to say so; a request without them goes back without an answer.
 */
static void refuse(struct request *request)
{
	const struct iovec *in = request->call.in, *out = request->call.out;
	struct fuse_in_header asked;
	struct fuse_out_header answer = {.len = sizeof(answer), .error = -EFAULT};

	if (request->call.in_count == 0 || !in[0].iov_base || in[0].iov_len < sizeof(asked) ||
	    request->call.out_count == 0 || !out[0].iov_base || out[0].iov_len < sizeof(answer)) {
		request_done(&request->call, 0);
		return;
	}
	memcpy(&asked, in[0].iov_base, sizeof(asked));
	answer.unique = asked.unique;
	memcpy(out[0].iov_base, &answer, sizeof(answer));
	request_done(&request->call, sizeof(answer));
}

static void serve(struct vhost_queue *queue, struct request *request)
{
	if (request->gpa && vhost_bounce_begin(&request->bounce, queue->service->window,
					       &request->call, request->iov, request->gpa) < 0)
		refuse(request);
	else
		queue->service->call(queue->service->owner, &request->call);

	pthread_mutex_lock(&queue->lock);
	if (--queue->serving == 0)
		pthread_cond_broadcast(&queue->quiet);
	pthread_mutex_unlock(&queue->lock);
}

static void serve_work(struct pool_work *work)
{
	struct request *request = CONTAINER_OF(work, struct request, work);

	serve(request->queue, request);
}

static struct request *request_new(struct vhost_queue *queue, const struct virtqueue_chain *chain)
{
	size_t pieces = chain->readable + chain->writable;
	struct request *request;
	size_t bytes =
		pieces * (sizeof(request->iov[0]) + (chain->wild ? sizeof(*request->gpa) : 0));

	request = malloc(sizeof(*request) + bytes);
	if (!request)
		return NULL;
	memcpy(request->iov, chain->iov, pieces * sizeof(request->iov[0]));
	request->gpa = NULL;
	if (chain->wild) {
		request->gpa = (uint64_t *)&request->iov[pieces];
		memcpy(request->gpa, chain->gpa, pieces * sizeof(*request->gpa));
	}
	request->bounce = (struct vhost_bounce){0};
	request->work.run = serve_work;
	request->call = (struct server_call){
		.in = request->iov,
		.in_count = chain->readable,
		.out = request->iov + chain->readable,
		.out_count = chain->writable,
		.done = request_done,
	};
	request->queue = queue;
	request->head = chain->head;
	return request;
}

/*
 * The next request. @behind: how many more are there already. Without memory for it, it stays in
 * the ring, and it is as if there was none: the next kick finds it.
 */
static struct request *take(struct vhost_queue *queue, uint16_t *behind)
{
	struct request *request = NULL;
	int got;

	pthread_mutex_lock(&queue->lock);
	got = virtqueue_pop(&queue->ring, &queue->chain);
	if (got > 0) {
		request = request_new(queue, &queue->chain);
		if (!request)
			virtqueue_unpop(&queue->ring, 1);
	}
	if (request) {
		request->generation = queue->generation;
		request->memory = vhost_memory_ref(queue->memory);
		queue->serving++;
		queue->outstanding++;
		*behind = virtqueue_waiting(&queue->ring);
	}
	pthread_mutex_unlock(&queue->lock);
	if (got < 0) {
		log_error("queue %u: the guest's driver broke the rules: %s; it is stopped",
			  queue->index, queue->ring.violation);
		signal_fd(queue->error);
	}
	return request;
}

/* What may wait for a disk: nobody else should have to wait for it. A peer may lie, at its cost. */
static bool is_slow(const struct request *request)
{
	uint32_t opcode;

	if (request->call.in_count == 0 || !request->iov[0].iov_base ||
	    request->iov[0].iov_len < sizeof(struct fuse_in_header))
		return false;
	opcode = load_le32((const uint8_t *)request->iov[0].iov_base +
			   offsetof(struct fuse_in_header, opcode));
	switch (opcode) {
	case FUSE_FSYNC:
	case FUSE_FSYNCDIR:
	case FUSE_SYNCFS:
	case FUSE_FALLOCATE:
	case FUSE_COPY_FILE_RANGE:
		return true;
	}
	return false;
}

/* What carries so much that another processor is worth its wake-up. */
static bool is_large(const struct request *request)
{
	size_t bytes = 0;

	for (size_t i = 0; i < request->call.in_count + request->call.out_count; i++)
		bytes += request->iov[i].iov_len;
	return bytes >= 16384;
}

/* Return: whether there was anything. */
static bool serve_next(struct vhost_queue *queue)
{
	uint16_t behind = 0;
	struct request *request = take(queue, &behind);

	if (!request)
		return false;
	if (!queue->service->pool ||
	    !(is_slow(request) || behind >= DEEP || (behind > 0 && is_large(request))) ||
	    pool_submit(queue->service->pool, &request->work) < 0)
		serve(queue, request);
	return true;
}

/* --- The thread --- */

static bool is_waiting(struct vhost_queue *queue)
{
	return virtqueue_waiting(&queue->ring) > 0 || atomic_load(&queue->stopping);
}

/* Return: whether something came while we looked. */
static bool look_for_more(struct vhost_queue *queue)
{
	uint64_t until = pace_begin(&queue->pace);
	bool found = is_waiting(queue);

	while (!found && pace_goes_on(until))
		found = is_waiting(queue);
	pace_end(&queue->pace, found);
	return found;
}

static void set_kicks(struct vhost_queue *queue, bool wanted, bool *more)
{
	pthread_mutex_lock(&queue->lock);
	*more = false;
	if (wanted)
		*more = virtqueue_enable_kicks(&queue->ring);
	else
		virtqueue_disable_kicks(&queue->ring);
	pthread_mutex_unlock(&queue->lock);
}

static void serve_all(struct vhost_queue *queue)
{
	bool more = true;

	while (more && !atomic_load(&queue->stopping)) {
		set_kicks(queue, false, &more);
		do {
			while (!atomic_load(&queue->stopping) && serve_next(queue))
				;
		} while (!atomic_load(&queue->stopping) && queue->ring.size > 0 &&
			 look_for_more(queue));
		set_kicks(queue, true, &more);
	}
}

/* Return: false when there is nothing to wait for any more. */
static bool wait_for_kick(struct vhost_queue *queue)
{
	struct pollfd wait[] = {{.fd = queue->kick, .events = POLLIN},
				{.fd = queue->wake, .events = POLLIN}};
	uint64_t count;

	pace_sleep(&queue->pace);
	if (poll(wait, ARRAY_SIZE(wait), -1) < 0)
		return errno == EINTR;
	pace_wake(&queue->pace);
	if (atomic_load(&queue->stopping) || wait[0].revents & (POLLERR | POLLNVAL))
		return false;
	if (wait[0].revents && read(queue->kick, &count, sizeof(count)) != sizeof(count))
		return errno == EAGAIN || errno == EINTR;
	return true;
}

static void *run(void *owner)
{
	struct vhost_queue *queue = owner;
	char name[16];

	snprintf(name, sizeof(name), "queue %u", queue->index);
	pthread_setname_np(pthread_self(), name);
	/* What came before we were there came without a kick for us. */
	do {
		serve_all(queue);
	} while (queue->ring.size > 0 && !atomic_load(&queue->stopping) && wait_for_kick(queue));
	return NULL;
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
		struct request *request = queue->late;

		queue->late = request->next;
		notify |= give_back(queue, request);
		free(request);
	}
	if (notify)
		signal_fd(queue->call);
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
	result = -pthread_create(&queue->thread, NULL, run, queue);
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
		signal_fd(queue->wake);
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
		signal_fd(fd);
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

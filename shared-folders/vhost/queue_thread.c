/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a queue's thread does: requests are taken out of the ring, served by it or by a helper, and
 * given back in whatever order they are done.
 */
#include "shared-folders/vhost/queue_internal.h"

#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The queue of what a guest forgets. */
#define FORGETS 0

/* For so long, in milliseconds, what nobody waits for is let come together. */
#define GATHER_MS 1

/* With so many more behind it, also what is small may be worth a helper. */
#define DEEP 4

void vhost_queue_signal(int fd)
{
	static const uint64_t one = 1;

	/* One that is full is one that has been signalled. */
	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		log_debug("a vhost-user event was lost: %s", error_text(errno));
}

/* --- Requests --- */

bool vhost_queue_give_back(struct vhost_queue *queue, const struct vhost_request *request)
{
	queue->outstanding--;
	virtqueue_push(&queue->ring, request->head, request->length);
	return virtqueue_should_notify(&queue->ring);
}

static void request_done(struct server_call *call, size_t length)
{
	struct vhost_request *request = CONTAINER_OF(call, struct vhost_request, call);
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
		} else if (vhost_queue_give_back(queue, request)) {
			vhost_queue_signal(queue->call);
		}
	}
	pthread_mutex_unlock(&queue->lock);
	if (!late)
		free(request);
}

/* Only the first pieces are needed to say so; a request without them goes back without an answer.
 */
static void refuse(struct vhost_request *request)
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

static void serve(struct vhost_queue *queue, struct vhost_request *request)
{
	uint64_t begun = request->is_timed ? pace_now() : 0;

	if (request->gpa && vhost_bounce_begin(&request->bounce, queue->service->window,
					       &request->call, request->iov, request->gpa) < 0)
		refuse(request);
	else
		queue->service->call(queue->service->owner, &request->call);
	if (begun)
		cost_note(&queue->cost, pace_now() - begun);

	pthread_mutex_lock(&queue->lock);
	if (--queue->serving == 0)
		pthread_cond_broadcast(&queue->quiet);
	pthread_mutex_unlock(&queue->lock);
}

static void serve_work(struct pool_work *work)
{
	struct vhost_request *request = CONTAINER_OF(work, struct vhost_request, work);

	serve(request->queue, request);
}

static struct vhost_request *request_new(struct vhost_queue *queue,
					 const struct virtqueue_chain *chain)
{
	size_t pieces = chain->readable + chain->writable;
	struct vhost_request *request;
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
static struct vhost_request *take(struct vhost_queue *queue, uint16_t *behind)
{
	struct vhost_request *request = NULL;
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
		vhost_queue_signal(queue->error);
	}
	return request;
}

/* What may wait for a disk: nobody else should have to wait for it. A peer may lie, at its cost. */
static bool is_slow(const struct vhost_request *request)
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
static bool is_large(const struct vhost_request *request)
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
	struct vhost_request *request = take(queue, &behind);

	if (!request)
		return false;
	request->is_timed = behind >= DEEP;
	if (!queue->service->pool || queue->index == FORGETS ||
	    !(is_slow(request) || (behind > 0 && is_large(request)) ||
	      (behind >= DEEP && cost_is_worth_a_helper(&queue->cost))) ||
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
	bool looks = pace_begin(&queue->pace), found = is_waiting(queue);

	while (!found && looks) {
		looks = pace_goes_on(&queue->pace);
		found = is_waiting(queue);
	}
	pace_end(&queue->pace, found);
	return found;
}

/*
 * A guest forgets thousands of files at once where it removes them, and nobody waits for it. A
 * kick, a wake-up and an interrupt for each would keep what somebody waits for from its processor.
 * Return: whether something came.
 */
static bool gather(struct vhost_queue *queue)
{
	struct pollfd wait = {.fd = queue->wake, .events = POLLIN};

	(void)poll(&wait, 1, GATHER_MS);
	return is_waiting(queue);
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
			 (queue->index == FORGETS ? gather(queue) : look_for_more(queue)));
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

void *vhost_queue_run(void *owner)
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

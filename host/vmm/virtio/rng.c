/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/rng.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/iov.h"

#include <linux/virtio_ids.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>

#define QUEUE_SIZE	  8
#define PCI_CLASS_UNKNOWN 0x00ff00
#define NANOSECONDS_A_MS  1000000L
#define BYTES_AT_ONCE	  256 /* getrandom() does not stop short of that (random(7)) */

struct rng {
	struct virtio_device device;
	uint32_t allowance; /* bytes left in this period */
	int timer_fd;	    /* armed while a period runs */
	bool timed;
	struct loop_source *source;
};

static struct rng *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct rng, device);
}

/* Return: bytes written, from the beginning of the writable part. */
static uint32_t fill(struct virtqueue_chain *chain, uint32_t allowance)
{
	uint32_t wanted = MIN(chain->writable_bytes, allowance), filled = 0;
	uint8_t bytes[BYTES_AT_ONCE];

	while (filled < wanted) {
		size_t piece = MIN(wanted - filled, sizeof(bytes));
		ssize_t got = getrandom(bytes, piece, 0);

		if (got <= 0)
			break;
		filled += (uint32_t)iov_write(virtqueue_chain_writable(chain), chain->writable,
					      filled, bytes, (size_t)got);
	}
	explicit_bzero(bytes, sizeof(bytes));
	return filled;
}

static void begin_period(struct rng *rng)
{
	struct itimerspec period = {.it_value.tv_nsec = VIRTIO_RNG_PERIOD_MS * NANOSECONDS_A_MS};

	if (!rng->timed)
		rng->timed = timerfd_settime(rng->timer_fd, 0, &period, NULL) == 0;
}

static void queue_ready(struct virtio_device *device, unsigned int index)
{
	struct rng *rng = of(device);
	struct virtqueue *queue = virtio_queue(device, index);
	struct virtqueue_chain chain;
	bool more = true;

	while (more && rng->allowance > 0) {
		uint32_t filled;

		if (!virtio_pop(device, index, &chain)) {
			more = virtqueue_enable_kicks(queue);
			continue;
		}
		filled = fill(&chain, rng->allowance);
		/* What asks for nothing costs something, too. */
		rng->allowance -= MIN(rng->allowance, MAX(filled, BYTES_AT_ONCE));
		virtqueue_push(queue, chain.head, filled);
		begin_period(rng);
	}
	virtio_notify(device, index);
}

static void on_timer(void *owner, uint32_t events)
{
	struct rng *rng = owner;
	uint64_t ignored;

	(void)events;
	if (read(rng->timer_fd, &ignored, sizeof(ignored)) < 0)
		return;
	rng->timed = false;
	rng->allowance = VIRTIO_RNG_BYTES_A_PERIOD;
	queue_ready(&rng->device, 0);
}

static int start(struct virtio_device *device)
{
	struct rng *rng = of(device);

	return loop_add_fd(device->loop, rng->timer_fd, EPOLLIN, on_timer, rng, &rng->source);
}

static void rng_free(struct virtio_device *device)
{
	struct rng *rng = of(device);

	cleanup_close(&rng->timer_fd);
	virtio_device_release(device);
	free(rng);
}

static const struct virtio_device_ops ops = {
	.name = "rng",
	.id = VIRTIO_ID_RNG,
	.class_code = PCI_CLASS_UNKNOWN,
	.start = start,
	.queue_ready = queue_ready,
	.free = rng_free,
};

int virtio_rng_new(const struct guestmem *memory, struct virtio_device **device)
{
	_cleanup_free_ struct rng *rng = calloc(1, sizeof(*rng));
	int result;

	if (!rng)
		return -ENOMEM;
	rng->device.ops = &ops;
	snprintf(rng->device.name, sizeof(rng->device.name), "rng");
	rng->device.queues = 1;
	rng->allowance = VIRTIO_RNG_BYTES_A_PERIOD;
	rng->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (rng->timer_fd < 0)
		return -errno;
	result = virtio_device_init(&rng->device, memory, QUEUE_SIZE);
	if (result < 0) {
		cleanup_close(&rng->timer_fd);
		return result;
	}
	*device = &take_ptr(rng)->device;
	return 0;
}

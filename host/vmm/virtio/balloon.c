/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/balloon.h"

#include "host/vmm/virtio/change.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/iov.h"
#include "protocol/base/log.h"

#include <linux/virtio_balloon.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#define QUEUE_SIZE	  128
#define PCI_CLASS_UNKNOWN 0x00ff00
#define MS_A_SECOND	  1000
#define NANOSECONDS_A_MS  1000000L
#define NO_QUEUE	  VIRTIO_BALLOON_QUEUES
#define PIECE		  1024 /* page numbers copied at once */
#define REPORTS_AT_ONCE	  16   /* before others have their turn */

#define F(name) VIRTIO_FEATURE(VIRTIO_BALLOON_F_##name)

struct balloon {
	struct virtio_device device;
	struct balloon_pages pages;
	uint64_t most_pages; /* RAM of the machine, plugged in or not */
	int timer_fd;
	struct change changed;
	struct loop_source *source;

	/* In the device's thread. */
	unsigned int statistics_queue, reports_queue; /* NO_QUEUE: none */
	bool held;				      /* a buffer for statistics, until asked */
	uint16_t held_head;
	bool asked;	  /* for statistics, since activation */
	int told_failure; /* of giving back */

	/* In any thread. */
	_Atomic uint64_t ram_pages;    /* that are there now */
	_Atomic uint64_t target_pages; /* of them, outside of the balloon */
	_Atomic uint32_t actual;       /* in the balloon: the driver's word */
	_Atomic uint32_t poison;
	_Atomic uint32_t period_ms;
	_Atomic uint64_t negotiated; /* 0: no driver is at work */
	pthread_mutex_t lock;	     /* of the rest */
	struct balloon_statistics statistics;
};

static struct balloon *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct balloon, device);
}

/* --- Configuration: vCPUs --- */

static void set_actual(struct balloon *balloon, uint32_t pages)
{
	if (atomic_exchange(&balloon->actual, pages) != pages)
		change_tell(&balloon->changed);
}

/* Pages that belong into the balloon: what is there beyond the target. */
static uint32_t wanted(const struct balloon *balloon)
{
	uint64_t there = atomic_load(&balloon->ram_pages);

	return (uint32_t)(there - MIN(there, atomic_load(&balloon->target_pages)));
}

static void config_read(struct virtio_device *device, size_t offset, void *bytes, size_t size)
{
	struct balloon *balloon = of(device);
	struct virtio_balloon_config config = {
		.num_pages = htole32(wanted(balloon)),
		.actual = htole32(atomic_load(&balloon->actual)),
		.poison_val = htole32(atomic_load(&balloon->poison)),
	};

	memcpy(bytes, (const char *)&config + offset, size);
}

/* Fields are written whole (4.1.3.1): the poison before the driver is ready, how much is in the
 * balloon after it. */
static void config_write(struct virtio_device *device, size_t offset, const void *bytes,
			 size_t size)
{
	struct balloon *balloon = of(device);

	if (size != sizeof(uint32_t))
		return;
	if (offset == offsetof(struct virtio_balloon_config, actual) && device->active)
		set_actual(balloon, load_le32(bytes));
	if (offset == offsetof(struct virtio_balloon_config, poison_val) && !device->active)
		atomic_store(&balloon->poison, load_le32(bytes));
}

/* --- Pages in and out --- */

/* Copies the numbers, and lists them. NULL, or what is wrong. */
static const char *list_pages(struct balloon_pages *pages, struct virtqueue_chain *chain)
{
	uint32_t number[PIECE];

	if (chain->readable_bytes % sizeof(number[0]) != 0)
		return "a list of pages ends within a number";
	if (chain->readable_bytes / sizeof(number[0]) > VIRTIO_BALLOON_MAX_LIST)
		return "a list of pages is too long";
	for (size_t at = 0; at < chain->readable_bytes;) {
		size_t got = iov_read(chain->iov, chain->readable, at, number, sizeof(number));

		for (size_t i = 0; i < got / sizeof(number[0]); i++)
			if (!balloon_pages_list(pages, le32toh(number[i])))
				return "a page for the balloon is not in memory";
		at += got;
	}
	return NULL;
}

/* What waits in the queue, as far as the list has room. Return: the number of chains, whose heads
 * are in @head; 0 also where the device is broken. */
static uint16_t collect(struct balloon *balloon, unsigned int index, uint16_t head[QUEUE_SIZE])
{
	struct virtio_device *device = &balloon->device;
	struct virtqueue_chain chain;
	uint16_t count = 0;

	while (count < QUEUE_SIZE &&
	       balloon_pages_room(&balloon->pages) >= VIRTIO_BALLOON_MAX_LIST) {
		const char *wrong;

		if (!virtio_pop(device, index, &chain)) {
			if (virtqueue_enable_kicks(virtio_queue(device, index)))
				continue;
			return count;
		}
		wrong = list_pages(&balloon->pages, &chain);
		if (wrong) {
			virtio_break(device, wrong);
			return 0;
		}
		head[count++] = chain.head;
	}
	virtio_kick(device, index);
	return count;
}

static void give_chains_back(struct virtio_device *device, unsigned int index, const uint16_t *head,
			     uint16_t count)
{
	struct virtqueue *queue = virtio_queue(device, index);

	for (uint16_t i = 0; i < count; i++)
		virtqueue_fill(queue, i, head[i], 0);
	virtqueue_publish(queue, count);
	virtio_notify(device, index);
}

/* Memory that cannot be given back is the host's loss alone; once is enough to say so. */
static void tell_failure(struct balloon *balloon)
{
	int error = balloon->pages.failure;

	balloon->pages.failure = 0;
	if (!error || error == balloon->told_failure)
		return;
	balloon->told_failure = error;
	log_warning("%s: memory that the guest gave up cannot be given back to the host: %s",
		    balloon->device.name, error_text(error));
}

static void move_pages(struct balloon *balloon, unsigned int index,
		       void (*move)(struct balloon_pages *pages))
{
	uint16_t head[QUEUE_SIZE], count = collect(balloon, index, head);

	if (count == 0) {
		balloon->pages.listed = 0;
		return;
	}
	move(&balloon->pages);
	tell_failure(balloon);
	give_chains_back(&balloon->device, index, head, count);
}

/* --- Reports of free pages --- */

/* Pages given back are full of zeroes: where the guest wants to find its poison, they must stay as
 * they are (5.5.6.7.2). */
static bool may_zero(const struct balloon *balloon)
{
	return !virtio_has(&balloon->device, VIRTIO_BALLOON_F_PAGE_POISON) ||
	       atomic_load(&balloon->poison) == 0;
}

static void take_report(struct balloon *balloon, struct virtqueue_chain *chain)
{
	const struct iovec *piece = virtqueue_chain_writable(chain);

	for (unsigned int i = 0; i < chain->writable && may_zero(balloon); i++)
		balloon_pages_report(&balloon->pages, piece[i].iov_base, piece[i].iov_len);
	tell_failure(balloon);
}

static void take_reports(struct balloon *balloon, unsigned int index)
{
	struct virtio_device *device = &balloon->device;
	struct virtqueue *queue = virtio_queue(device, index);
	struct virtqueue_chain chain;
	bool more = true;

	for (int i = 0; more && i < REPORTS_AT_ONCE; i++) {
		if (!virtio_pop(device, index, &chain)) {
			more = virtqueue_enable_kicks(queue);
			continue;
		}
		take_report(balloon, &chain);
		virtqueue_push(queue, chain.head, 0);
	}
	if (more)
		virtio_kick(device, index);
	virtio_notify(device, index);
}

/* --- Statistics --- */

static void read_statistics(struct balloon *balloon, const struct virtqueue_chain *chain)
{
	struct balloon_statistics statistics;

	balloon_statistics_parse(&statistics, chain->iov, chain->readable);
	pthread_mutex_lock(&balloon->lock);
	balloon->statistics = statistics;
	pthread_mutex_unlock(&balloon->lock);
}

/* The driver has one buffer, full of statistics; it fills it again when it gets it back. The first
 * is not believed: Linux before 4.11 gave what happened to lie there. */
static void take_statistics(struct balloon *balloon)
{
	struct virtio_device *device = &balloon->device;
	unsigned int index = balloon->statistics_queue;
	struct virtqueue_chain chain;

	while (!balloon->held) {
		if (virtio_pop(device, index, &chain)) {
			if (balloon->asked)
				read_statistics(balloon, &chain);
			balloon->held = true;
			balloon->held_head = chain.head;
		} else if (!virtqueue_enable_kicks(virtio_queue(device, index))) {
			return;
		}
	}
}

static void on_timer(void *owner, uint32_t events)
{
	struct balloon *balloon = owner;
	struct virtio_device *device = &balloon->device;
	uint64_t ignored;

	(void)events;
	if (read(balloon->timer_fd, &ignored, sizeof(ignored)) < 0 || !balloon->held)
		return;
	balloon->held = false;
	balloon->asked = true;
	virtqueue_push(virtio_queue(device, balloon->statistics_queue), balloon->held_head, 0);
	virtio_notify(device, balloon->statistics_queue);
	/* A driver with more than one buffer gave no kick for the next, maybe. */
	take_statistics(balloon);
}

/* --- The device --- */

static int start(struct virtio_device *device)
{
	struct balloon *balloon = of(device);

	return loop_add_fd(device->loop, balloon->timer_fd, EPOLLIN, on_timer, balloon,
			   &balloon->source);
}

/* Which queue is what: see balloon.h. */
static void infer_queues(struct balloon *balloon)
{
	const struct virtio_device *device = &balloon->device;
	unsigned int next = VIRTIO_BALLOON_STATISTICS;

	balloon->statistics_queue = balloon->reports_queue = NO_QUEUE;
	if (virtio_has(device, VIRTIO_BALLOON_F_STATS_VQ)) {
		if (device->layout[next].size > 0)
			balloon->statistics_queue = next;
		next++;
	}
	for (; virtio_has(device, VIRTIO_BALLOON_F_REPORTING) && next < device->queues; next++)
		if (device->layout[next].size > 0)
			balloon->reports_queue = next;
}

static void activate(struct virtio_device *device)
{
	struct balloon *balloon = of(device);

	infer_queues(balloon);
	balloon->pages.stays = virtio_has(device, VIRTIO_BALLOON_F_MUST_TELL_HOST);
	atomic_store(&balloon->negotiated, device->features);
}

static void reset(struct virtio_device *device)
{
	struct balloon *balloon = of(device);

	atomic_store(&balloon->negotiated, 0);
	balloon->held = balloon->asked = false;
	balloon->statistics_queue = balloon->reports_queue = NO_QUEUE;
	balloon_pages_forget(&balloon->pages);
	atomic_store(&balloon->poison, 0);
	pthread_mutex_lock(&balloon->lock);
	balloon->statistics = (struct balloon_statistics){0};
	pthread_mutex_unlock(&balloon->lock);
	set_actual(balloon, 0);
}

static void queue_ready(struct virtio_device *device, unsigned int index)
{
	struct balloon *balloon = of(device);

	if (index == VIRTIO_BALLOON_INFLATE)
		move_pages(balloon, index, balloon_pages_inflate);
	else if (index == VIRTIO_BALLOON_DEFLATE)
		move_pages(balloon, index, balloon_pages_deflate);
	else if (index == balloon->statistics_queue)
		take_statistics(balloon);
	else if (index == balloon->reports_queue)
		take_reports(balloon, index);
}

static void destroy(struct balloon *balloon)
{
	balloon_pages_free(&balloon->pages);
	cleanup_close(&balloon->timer_fd);
	change_free(&balloon->changed);
	pthread_mutex_destroy(&balloon->lock);
	free(balloon);
}

static void balloon_free(struct virtio_device *device)
{
	virtio_device_release(device);
	destroy(of(device));
}

static const struct virtio_device_ops ops = {
	.name = "balloon",
	.id = VIRTIO_ID_BALLOON,
	.class_code = PCI_CLASS_UNKNOWN,
	.config_read = config_read,
	.config_write = config_write,
	.start = start,
	.activate = activate,
	.queue_ready = queue_ready,
	.reset = reset,
	.free = balloon_free,
};

static int set_up(struct balloon *balloon, const struct virtio_balloon_setup *setup)
{
	struct virtio_device *device = &balloon->device;
	int error =
		balloon_pages_init(&balloon->pages, setup->memory, setup->give_back, setup->owner);

	if (error)
		return error;
	for (size_t i = 0; i < setup->memory->count; i++)
		balloon->most_pages += setup->memory->region[i].size_bytes >> BALLOON_PAGE_SHIFT;
	balloon->ram_pages = balloon->target_pages = balloon->most_pages;
	device->ops = &ops;
	snprintf(device->name, sizeof(device->name), "balloon");
	device->offered_features =
		F(MUST_TELL_HOST) | F(STATS_VQ) | F(DEFLATE_ON_OOM) | F(PAGE_POISON) | F(REPORTING);
	device->config_size = sizeof(struct virtio_balloon_config);
	device->queues = VIRTIO_BALLOON_QUEUES;
	balloon->statistics_queue = balloon->reports_queue = NO_QUEUE;
	balloon->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (balloon->timer_fd < 0)
		return -errno;
	error = change_init(&balloon->changed);
	if (error)
		return error;
	return virtio_device_init(device, setup->memory, QUEUE_SIZE);
}

int virtio_balloon_new(const struct virtio_balloon_setup *setup, struct virtio_device **device)
{
	struct balloon *balloon = calloc(1, sizeof(*balloon));
	int error;

	if (!balloon)
		return -ENOMEM;
	balloon->timer_fd = balloon->changed.fd = -EBADF;
	pthread_mutex_init(&balloon->lock, NULL);
	error = set_up(balloon, setup);
	if (error) {
		destroy(balloon);
		return error;
	}
	*device = &balloon->device;
	return 0;
}

/* --- The host's side --- */

int virtio_balloon_set_target(struct virtio_device *device, uint64_t bytes)
{
	struct balloon *balloon = of(device);

	if (bytes > balloon->most_pages << BALLOON_PAGE_SHIFT)
		return -ERANGE;
	atomic_store(&balloon->target_pages,
		     (bytes + BALLOON_PAGE_BYTES - 1) >> BALLOON_PAGE_SHIFT);
	virtio_config_changed(device);
	return 0;
}

void virtio_balloon_set_ram(struct virtio_device *device, uint64_t bytes)
{
	struct balloon *balloon = of(device);

	atomic_store(&balloon->ram_pages, MIN(bytes >> BALLOON_PAGE_SHIFT, balloon->most_pages));
	virtio_config_changed(device);
}

void virtio_balloon_set_period(struct virtio_device *device, uint32_t period_ms)
{
	struct balloon *balloon = of(device);
	struct timespec time = {period_ms / MS_A_SECOND,
				period_ms % MS_A_SECOND * NANOSECONDS_A_MS};
	struct itimerspec period = {.it_interval = time, .it_value = time};

	atomic_store(&balloon->period_ms, period_ms);
	(void)timerfd_settime(balloon->timer_fd, 0, &period, NULL);
}

/* A driver may say that there is more in the balloon than it has memory. */
static uint64_t bytes_outside(const struct balloon *balloon, uint32_t pages)
{
	uint64_t there = atomic_load(&balloon->ram_pages);

	return (there - MIN(pages, there)) << BALLOON_PAGE_SHIFT;
}

void virtio_balloon_read(struct virtio_device *device, struct virtio_balloon_state *state)
{
	struct balloon *balloon = of(device);
	uint64_t features = atomic_load(&balloon->negotiated);

	*state = (struct virtio_balloon_state){
		.target_bytes = bytes_outside(balloon, wanted(balloon)),
		.actual_bytes = bytes_outside(balloon, atomic_load(&balloon->actual)),
		.balloon_bytes = atomic_load(&balloon->pages.count) << BALLOON_PAGE_SHIFT,
		.reported_bytes = atomic_load(&balloon->pages.reported_bytes),
		.driver = features != 0 && !atomic_load(&device->broken),
		.deflates_on_oom = features & F(DEFLATE_ON_OOM),
		.reports = features & F(REPORTING),
		.period_ms = atomic_load(&balloon->period_ms),
	};
	pthread_mutex_lock(&balloon->lock);
	state->statistics = balloon->statistics;
	pthread_mutex_unlock(&balloon->lock);
}

int virtio_balloon_changed_fd(struct virtio_device *device)
{
	return of(device)->changed.fd;
}

void virtio_balloon_seen(struct virtio_device *device)
{
	change_seen(&of(device)->changed);
}

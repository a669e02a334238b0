/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch: answers agent.subscribe. While somebody has subscribed, the kernel is listened to, and
 * what changed is told in one message after SETTLE_MS, since changes come in flocks. With no
 * subscriber nothing runs. Memory and load change always, and are never told of.
 */
#include "drivers/uevent.h"
#include "guest-agent/agent/service.h"
#include "guest-agent/system/parts.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/message.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#define SETTLE_MS	100
#define SUBSCRIBERS_MAX 32

struct source_kind {
	unsigned int part;
	const char *name;
	int events; /* of uv_poll */
	int (*open)(void);
	/* Take what is there to be read. Return: has the part changed? */
	bool (*drain)(int fd);
};

struct source {
	uv_poll_t poll;
	int fd;
	const struct source_kind *kind;
	struct watch *watch;
};

struct subscriber {
	struct watch *watch;
	struct stream *stream; /* NULL: the place is free */
	unsigned int parts;
};

#define SOURCES 6

struct watch {
	uv_loop_t *loop;
	struct subscriber subscribers[SUBSCRIBERS_MAX];
	struct source *sources[SOURCES]; /* NULL: not open */
	uv_timer_t settle;
	unsigned int changed;
};

static void drain_bytes(int fd)
{
	char bytes[4096];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
}

static int open_network(void)
{
	const struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

/* Lost messages (ENOBUFS) are changes too. */
static bool drain_always(int fd)
{
	drain_bytes(fd);
	return true;
}

static bool drain_disks(int fd)
{
	return uevent_drain(fd, "block");
}

/* The kernel marks this file when a mount comes or goes; there is nothing to read. */
static int open_mounts(void)
{
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int open_hostname(void)
{
	int fd = open("/proc/sys/kernel/hostname", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static bool drain_nothing(int fd)
{
	(void)fd;
	return true;
}

static int open_users(void)
{
	_cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0 || inotify_add_watch(fd, "/run/utmp", IN_MODIFY | IN_CLOSE_WRITE) < 0)
		return -errno;
	return take_fd(&fd);
}

/* A timer that never fires, but is cancelled when the clock is set: timerfd_create(2). */
static int open_clock(void)
{
	const struct itimerspec never = {.it_value.tv_sec = INT32_MAX};
	_cleanup_close_ int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0 ||
	    timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0)
		return -errno;
	return take_fd(&fd);
}

static bool drain_clock(int fd)
{
	uint64_t expirations;

	return read(fd, &expirations, sizeof(expirations)) < 0 && errno == ECANCELED;
}

static const struct source_kind kinds[SOURCES] = {
	{PART_NETWORK, "network", UV_READABLE, open_network, drain_always},
	{PART_DISKS, "disks", UV_READABLE, uevent_open, drain_disks},
	{PART_FILESYSTEMS, "file systems", UV_PRIORITIZED, open_mounts, drain_nothing},
	{PART_OS, "the host name", UV_PRIORITIZED, open_hostname, drain_nothing},
	{PART_USERS, "users", UV_READABLE, open_users, drain_always},
	{PART_TIME, "the clock", UV_READABLE, open_clock, drain_clock},
};

static void tell(const struct subscriber *subscriber, unsigned int changed)
{
	uint8_t list[128], bytes[192];
	struct cbor_writer list_writer = CBOR_WRITER(list), writer = CBOR_WRITER(bytes);
	struct changed message;

	parts_put(changed, &list_writer);
	message.what = cbor_written(&list_writer);
	message_encode(&message_changed, &message, &writer);
	/* A subscriber that takes nothing misses it, and is told of the next. */
	stream_message(subscriber->stream, slice_of("changed"), cbor_written(&writer));
}

static void on_settled(uv_timer_t *timer)
{
	struct watch *watch = timer->data;
	const unsigned int changed = watch->changed;

	watch->changed = 0;
	for (size_t i = 0; i < SUBSCRIBERS_MAX; i++) {
		const struct subscriber *subscriber = &watch->subscribers[i];

		if (subscriber->stream && (subscriber->parts & changed))
			tell(subscriber, subscriber->parts & changed);
	}
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct source *source = poll->data;
	struct watch *watch = source->watch;

	(void)status;
	(void)events;
	if (!source->kind->drain(source->fd))
		return;
	if (!watch->changed)
		uv_timer_start(&watch->settle, on_settled, SETTLE_MS, 0);
	watch->changed |= source->kind->part;
}

static void on_source_released(uv_handle_t *poll)
{
	free(poll->data);
}

static struct source *source_open(struct watch *watch, const struct source_kind *kind)
{
	struct source *source = calloc(1, sizeof(*source));
	int error;

	if (!source)
		return NULL;
	source->kind = kind;
	source->watch = watch;
	source->fd = kind->open();
	error = source->fd < 0 ? source->fd : uv_poll_init(watch->loop, &source->poll, source->fd);
	if (error) {
		log_debug("changes of %s will not be told: %s", kind->name, error_text(error));
		if (source->fd >= 0)
			close(source->fd);
		free(source);
		return NULL;
	}
	source->poll.data = source;
	uv_poll_start(&source->poll, kind->events, on_event);
	return source;
}

static void source_close(struct source *source)
{
	uv_close((uv_handle_t *)&source->poll, on_source_released);
	close(source->fd);
}

/* Open the sources somebody wants, close those nobody does. */
static void adjust(struct watch *watch)
{
	unsigned int wanted = 0;

	for (size_t i = 0; i < SUBSCRIBERS_MAX; i++) {
		if (watch->subscribers[i].stream)
			wanted |= watch->subscribers[i].parts;
	}
	for (size_t i = 0; i < SOURCES; i++) {
		struct source **source = &watch->sources[i];

		if (!*source && (wanted & kinds[i].part)) {
			*source = source_open(watch, &kinds[i]);
		} else if (*source && !(wanted & kinds[i].part)) {
			source_close(*source);
			*source = NULL;
		}
	}
	watch->changed &= wanted;
	if (!watch->changed)
		uv_timer_stop(&watch->settle);
}

static void unsubscribe(struct subscriber *subscriber)
{
	subscriber->stream = NULL;
	adjust(subscriber->watch);
}

static void on_cancelled(struct stream *stream, void *owner)
{
	unsubscribe(owner);
	stream_reply(stream, (struct slice){0});
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	unsubscribe(owner);
}

static const struct stream_handlers stream_handlers = {.cancelled = on_cancelled,
						       .closed = on_closed};

static void watch_call(void *state, struct stream *stream, struct slice params)
{
	struct watch *watch = state;
	struct subscribe_params want;
	size_t place = 0;
	unsigned int parts;

	if (message_decode(&message_subscribe_params, params, &want) < 0 ||
	    parts_parse(want.what, &parts) < 0) {
		stream_fail(stream, EBADMSG, "agent.subscribe: malformed parameters");
		return;
	}
	while (place < SUBSCRIBERS_MAX && watch->subscribers[place].stream)
		place++;
	if (place == SUBSCRIBERS_MAX) {
		stream_fail(stream, EAGAIN, "agent.subscribe: too many subscribers");
		return;
	}
	watch->subscribers[place] =
		(struct subscriber){.watch = watch, .stream = stream, .parts = parts};
	stream_set_handlers(stream, &stream_handlers, &watch->subscribers[place]);
	adjust(watch);
}

static int watch_start(const struct service_context *context, void **state)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->loop = context->loop;
	uv_timer_init(watch->loop, &watch->settle);
	watch->settle.data = watch;
	*state = watch;
	return 0;
}

static void on_released(uv_handle_t *timer)
{
	free(timer->data);
}

static void watch_stop(void *state)
{
	struct watch *watch = state;

	for (size_t i = 0; i < SOURCES; i++) {
		if (watch->sources[i])
			source_close(watch->sources[i]);
	}
	uv_close((uv_handle_t *)&watch->settle, on_released);
}

const struct service service_watch = {
	.name = "watch",
	.summary = "tells of changes (agent.subscribe)",
	.start = watch_start,
	.stop = watch_stop,
	.methods = (const struct service_method[]){{"agent.subscribe", watch_call}, {NULL, NULL}},
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One poll handle a socket. Bytes come in at the bottom and rise through the layers, each with a
 * buffer below it, to the handlers; what is sent sinks through the layers into the queue and leaves
 * when the loop finds the socket writable, so that handlers are called by the loop and never by
 * link_send().
 *
 * A handler may free the link at any time: the struct stays until libuv has let go of its handles,
 * and everybody who has called a handler looks at `freed` afterwards.
 */
#include "host/screen/link.h"

#include "host/screen/link_layer.h"
#include "host/screen/link_queue.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE	(64U << 10)
#define FINISH_LIMIT_MS 1000

struct link {
	uv_poll_t poll;
	uv_timer_t wake;  /* handlers are to be called soon */
	uv_timer_t limit; /* of a handshake, or of the end */
	unsigned int handles;
	int fd;

	const struct link_handlers *handlers;
	void *owner;

	struct link_layer *layer[LINK_MAX_LAYERS];
	unsigned int layers;
	struct link_buffer buffer[LINK_MAX_LAYERS + 1]; /* [i]: below layer i; the last: for us */
	struct link_queue queue;

	bool pumping;	/* received() is being called: it sees new bytes when it returns */
	bool broken;	/* by a layer, whose good bytes are used first */
	bool ended;	/* nothing more comes: */
	int error;	/* why */
	bool told;	/* closed() was called */
	bool finishing; /* link_finish() */
	bool silent;	/* we have said that nothing more comes from us */
	bool freed;
};

/* --- The loop ------------------------------------------------------------------------------- */

static void on_poll(uv_poll_t *poll, int status, int events);
static void on_wake(uv_timer_t *timer);

static void wake(struct link *link)
{
	if (!uv_is_active((uv_handle_t *)&link->wake))
		uv_timer_start(&link->wake, on_wake, 0, 0);
}

/* What is to be polled follows from the link's state. */
static void poll_again(struct link *link)
{
	int events = 0;

	if (link->freed)
		return;
	if (!link->ended && (link->handlers || link->finishing))
		events |= UV_READABLE;
	if (!link->ended && link->queue.length)
		events |= UV_WRITABLE;
	if (events)
		uv_poll_start(&link->poll, events, on_poll);
	else
		uv_poll_stop(&link->poll);
}

/* Nothing comes or goes any more; closed() is called from the loop. */
static void end(struct link *link, int error)
{
	if (link->ended)
		return;
	/* A layer may have put its good-bye there. */
	link_queue_write(&link->queue, link->fd);
	link->ended = true;
	link->error = error;
	link_limit(link, 0);
	poll_again(link);
	wake(link);
}

static void tell_end(struct link *link)
{
	if (link->finishing) {
		link_free(link);
	} else if (link->handlers && !link->told) {
		link->told = true;
		link->handlers->closed(link->owner, link->error);
	}
}

/* --- In ------------------------------------------------------------------------------------- */

/* true: something has moved. */
static bool decode_all(struct link *link)
{
	bool moved = false;

	for (unsigned int i = 0; i < link->layers && !link->ended && !link->broken; i++) {
		struct link_buffer *in = &link->buffer[i], *out = &link->buffer[i + 1];
		size_t before = in->length, after = out->length;
		int result = link->layer[i]->ops->decode(link->layer[i], in, out);

		moved = moved || in->length != before || out->length != after;
		if (result < 0) {
			link->broken = true;
			link->error = result == -ESHUTDOWN ? 0 : result;
		}
	}
	return moved;
}

/* true: the handler has used something. */
static bool deliver(struct link *link)
{
	struct link_buffer *top = &link->buffer[link->layers];
	size_t length = top->length, used;

	if (link->finishing) { /* nobody is interested */
		link_buffer_use(top, length);
		return false;
	}
	if (!link->handlers || length == 0)
		return false;
	used = link->handlers->received(link->owner, link_buffer_bytes(top), length);
	if (link->freed)
		return false;
	link_buffer_use(top, used);
	if (used == 0 && length >= LINK_MAX_INPUT)
		end(link, -ENOBUFS);
	return used > 0;
}

static void pump(struct link *link)
{
	bool again = true;

	if (link->pumping)
		return;
	link->pumping = true;
	while (again && !link->freed) {
		bool moved = decode_all(link);

		again = deliver(link) || moved;
	}
	link->pumping = false;
	if (!link->freed && link->broken)
		end(link, link->error);
}

static void receive(struct link *link)
{
	struct link_buffer *buffer = &link->buffer[0];
	size_t room = LINK_MAX_INPUT - MIN(buffer->length, LINK_MAX_INPUT);
	uint8_t *bytes;
	ssize_t got;

	if (room == 0) { /* a layer cannot go on: what is above it is full */
		end(link, -ENOBUFS);
		return;
	}
	room = MIN(room, READ_SIZE);
	bytes = link_buffer_room(buffer, room);
	if (!bytes) {
		end(link, -ENOMEM);
		return;
	}
	got = recv(link->fd, bytes, room, MSG_DONTWAIT);
	if (got > 0) {
		link_buffer_filled(buffer, (size_t)got);
		pump(link);
	} else if (got == 0) {
		end(link, 0);
	} else if (errno != EAGAIN && errno != EINTR) {
		end(link, errno == ECONNRESET || errno == EPIPE ? 0 : -errno);
	}
}

/* --- Out ------------------------------------------------------------------------------------ */

static int enqueue(struct link *link, const void *bytes, size_t length)
{
	int result;

	if (link->ended || link->silent)
		return -EPIPE;
	if (length > LINK_MAX_QUEUE - MIN(link->queue.length, LINK_MAX_QUEUE)) {
		end(link, -ENOBUFS);
		return -EPIPE;
	}
	result = link_queue_append(&link->queue, bytes, length);
	if (result < 0) /* what was promised to the peer has a hole now */
		end(link, result);
	else
		poll_again(link);
	return result;
}

static int send_from(struct link *link, unsigned int place, const void *bytes, size_t length)
{
	struct link_layer *layer;
	int result;

	if (link->freed || link->ended)
		return -EPIPE;
	if (place == 0)
		return enqueue(link, bytes, length);
	layer = link->layer[place - 1];
	result = layer->ops->encode(layer, bytes, length);
	if (result < 0 && result != -EPIPE) /* which says that it is ending already */
		end(link, result);
	return result == 0 || result == -ENOMEM ? result : -EPIPE;
}

int link_send_below(struct link_layer *layer, const void *bytes, size_t length)
{
	return send_from(layer->link, layer->place, bytes, length);
}

int link_send(struct link *link, const void *bytes, size_t length)
{
	if (link->finishing)
		return -EPIPE;
	return send_from(link, link->layers, bytes, length);
}

size_t link_queued(const struct link *link)
{
	size_t length = link->queue.length;

	for (unsigned int i = 0; i < link->layers; i++)
		length += link->layer[i]->held;
	return length;
}

/* All was sent: say so to the peer, and wait until it has heard it. To close at once would throw
 * away what it has not read yet, if it has sent something that we have not read. */
static void fall_silent(struct link *link)
{
	if (link->silent)
		return;
	link->silent = true;
	if (shutdown(link->fd, SHUT_WR) < 0)
		end(link, 0);
}

static void send_queue(struct link *link)
{
	int result = link_queue_write(&link->queue, link->fd);

	if (result < 0) {
		end(link, result == -EPIPE || result == -ECONNRESET ? 0 : result);
		return;
	}
	poll_again(link);
	if (link->queue.length)
		return;
	if (link->finishing)
		fall_silent(link);
	else if (link->handlers && link->handlers->drained && link_queued(link) == 0)
		link->handlers->drained(link->owner);
}

/* --- Events --------------------------------------------------------------------------------- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct link *link = poll->data;

	if (status < 0) { /* the socket has an error: the peer has gone without reading all */
		end(link, 0);
		return;
	}
	if (events & UV_WRITABLE)
		send_queue(link);
	if ((events & UV_READABLE) && !link->freed && !link->ended)
		receive(link);
}

static void on_wake(uv_timer_t *timer)
{
	struct link *link = timer->data;

	if (!link->ended || link->buffer[link->layers].length)
		pump(link);
	if (!link->freed && link->ended)
		tell_end(link);
}

static void on_limit(uv_timer_t *timer)
{
	struct link *link = timer->data;

	if (link->finishing)
		link_free(link);
	else
		end(link, -ETIMEDOUT);
}

void link_limit(struct link *link, unsigned int milliseconds)
{
	if (link->freed)
		return;
	if (milliseconds)
		uv_timer_start(&link->limit, on_limit, milliseconds, 0);
	else if (!link->finishing)
		uv_timer_stop(&link->limit);
}

/* --- Life ----------------------------------------------------------------------------------- */

struct link *link_new(uv_loop_t *loop, int fd)
{
	struct link *link = calloc(1, sizeof(*link));
	int on = 1;

	if (!link || uv_poll_init(loop, &link->poll, fd) < 0) {
		free(link);
		close(fd);
		return NULL;
	}
	link->fd = fd;
	link->poll.data = link;
	uv_timer_init(loop, &link->wake);
	link->wake.data = link;
	uv_timer_init(loop, &link->limit);
	link->limit.data = link;
	link->handles = 3;
	/* Not for unix sockets; a reply of a few bytes must not wait for an acknowledgement. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return link;
}

void link_set_handlers(struct link *link, const struct link_handlers *handlers, void *owner)
{
	link->handlers = handlers;
	link->owner = owner;
	poll_again(link);
	if (link->ended || link->layers || link->buffer[0].length)
		wake(link);
}

int link_add_layer(struct link *link, struct link_layer *layer)
{
	if (link->freed || link->ended || link->finishing || link->layers == LINK_MAX_LAYERS) {
		layer->ops->free(layer);
		return -EPIPE;
	}
	layer->link = link;
	layer->place = link->layers;
	link->layer[link->layers++] = layer;
	wake(link);
	return 0;
}

static void handle_closed(uv_handle_t *handle)
{
	struct link *link = handle->data;

	if (--link->handles)
		return;
	for (unsigned int i = 0; i < link->layers; i++)
		link->layer[i]->ops->free(link->layer[i]);
	for (unsigned int i = 0; i <= link->layers; i++)
		free(link->buffer[i].bytes);
	link_queue_free(&link->queue);
	free(link);
}

void link_free(struct link *link)
{
	if (!link || link->freed)
		return;
	link->freed = true;
	uv_close((uv_handle_t *)&link->poll, handle_closed);
	uv_close((uv_handle_t *)&link->wake, handle_closed);
	uv_close((uv_handle_t *)&link->limit, handle_closed);
	close(link->fd);
}

void link_finish(struct link *link)
{
	if (!link || link->freed || link->finishing)
		return;
	if (link->ended) {
		link_free(link);
		return;
	}
	for (unsigned int i = link->layers; i > 0; i--)
		link->layer[i - 1]->ops->finish(link->layer[i - 1]);
	link->finishing = true;
	link->handlers = NULL;
	link_limit(link, FINISH_LIMIT_MS);
	if (link->queue.length == 0)
		fall_silent(link);
	poll_again(link);
}

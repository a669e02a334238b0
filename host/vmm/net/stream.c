/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/net/backend.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#define LENGTH_BYTES  4
#define RECEIVE_BYTES (2 * (NET_FRAME_MAX_BYTES + LENGTH_BYTES))
#define SEND_BYTES    (NET_FRAME_MAX_BYTES + LENGTH_BYTES)

struct stream {
	struct net_backend backend;
	int fd; /* negative once closed */
	struct loop *loop;
	struct loop_source *source;
	const struct net_card_ops *card_ops;
	void *card;
	bool card_full, sender_waits;
	size_t received, delivered; /* bytes in receive[] */
	size_t send_from, send_to;  /* the rest of a frame that was sent in part */
	uint8_t receive[RECEIVE_BYTES];
	uint8_t send[SEND_BYTES];
};

static struct stream *of(struct net_backend *backend)
{
	return CONTAINER_OF(backend, struct stream, backend);
}

static void watch(struct stream *stream)
{
	uint32_t events = stream->card_full ? 0 : EPOLLIN;

	if (stream->send_from < stream->send_to || stream->sender_waits)
		events |= EPOLLOUT;
	if (stream->source)
		loop_modify(stream->source, events);
}

static void close_stream(struct stream *stream, const char *why)
{
	log_warning("the network is gone: %s", why);
	loop_remove(stream->source);
	stream->source = NULL;
	cleanup_close(&stream->fd);
	stream->fd = -EBADF;
	stream->send_from = stream->send_to = 0;
	stream->card_ops->closed(stream->card);
}

/* --- To the guest --- */

/* Deliver what is complete. */
static void deliver(struct stream *stream)
{
	while (stream->fd >= 0 && !stream->card_full) {
		size_t left = stream->received - stream->delivered;
		const uint8_t *at = stream->receive + stream->delivered;
		uint32_t size;

		if (left < LENGTH_BYTES)
			break;
		size = be32toh(*(const uint32_t *)memcpy(&size, at, sizeof(size)));
		if (size < NET_FRAME_MIN_BYTES || size > NET_FRAME_MAX_BYTES) {
			close_stream(stream, "it sent a frame of an impossible length");
			return;
		}
		if (left - LENGTH_BYTES < size)
			break;
		if (stream->card_ops->received(stream->card, at + LENGTH_BYTES, size))
			stream->delivered += LENGTH_BYTES + size;
		else
			stream->card_full = true;
	}
	memmove(stream->receive, stream->receive + stream->delivered,
		stream->received - stream->delivered);
	stream->received -= stream->delivered;
	stream->delivered = 0;
}

/* There is always room for the rest of a frame: what is complete has been delivered. */
static void receive(struct stream *stream)
{
	ssize_t got = read(stream->fd, stream->receive + stream->received,
			   sizeof(stream->receive) - stream->received);

	if (got > 0) {
		stream->received += (size_t)got;
		deliver(stream);
	} else if (got == 0) {
		close_stream(stream, "its process has ended");
	} else if (errno != EAGAIN && errno != EINTR) {
		close_stream(stream, error_text(errno));
	}
}

static void more(struct net_backend *backend)
{
	struct stream *stream = of(backend);

	if (!stream->card_full)
		return;
	stream->card_full = false;
	deliver(stream);
	watch(stream);
}

/* --- From the guest --- */

/* Return: whether the rest of the last frame is gone. */
static bool flush(struct stream *stream)
{
	while (stream->send_from < stream->send_to) {
		ssize_t sent = send(stream->fd, stream->send + stream->send_from,
				    stream->send_to - stream->send_from, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN && errno != EINTR) {
			close_stream(stream, error_text(errno));
			return true;
		}
		if (sent < 0)
			return false;
		stream->send_from += (size_t)sent;
	}
	return true;
}

static int send_frame(struct net_backend *backend, const uint8_t *frame, size_t size)
{
	struct stream *stream = of(backend);
	uint32_t length = htobe32((uint32_t)size);

	if (stream->fd < 0)
		return -EPIPE;
	if (!flush(stream)) {
		stream->sender_waits = true;
		watch(stream);
		return -EAGAIN;
	}
	memcpy(stream->send, &length, LENGTH_BYTES);
	memcpy(stream->send + LENGTH_BYTES, frame, size);
	stream->send_from = 0;
	stream->send_to = LENGTH_BYTES + size;
	if (!flush(stream))
		watch(stream);
	return 0;
}

static void on_socket(void *owner, uint32_t events)
{
	struct stream *stream = owner;

	if (events & EPOLLOUT && flush(stream)) {
		bool waited = stream->sender_waits;

		stream->sender_waits = false;
		if (waited && stream->fd >= 0)
			stream->card_ops->writable(stream->card);
	}
	if (stream->fd >= 0 && !stream->card_full && events & EPOLLIN)
		receive(stream);
	else if (stream->fd >= 0 && events & (EPOLLHUP | EPOLLERR))
		close_stream(stream, "its process has ended");
	watch(stream);
}

static int start(struct net_backend *backend, struct loop *loop,
		 const struct net_card_ops *card_ops, void *card)
{
	struct stream *stream = of(backend);

	stream->loop = loop;
	stream->card_ops = card_ops;
	stream->card = card;
	return loop_add_fd(loop, stream->fd, EPOLLIN, on_socket, stream, &stream->source);
}

static void stream_free(struct net_backend *backend)
{
	struct stream *stream = of(backend);

	loop_remove(stream->source);
	cleanup_close(&stream->fd);
	free(stream);
}

static const struct net_backend_ops ops = {
	.name = "stream",
	.start = start,
	.send = send_frame,
	.more = more,
	.free = stream_free,
};

int net_stream_new(int fd, uint16_t mtu_bytes, struct net_backend **backend)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return -ENOMEM;
	stream->fd = fd;
	stream->backend = (struct net_backend){.ops = &ops,
					       .takes_large_frames = true,
					       .delivers_valid_checksums = true,
					       .mtu_bytes = mtu_bytes};
	*backend = &stream->backend;
	return 0;
}

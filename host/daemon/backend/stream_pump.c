/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/stream_pump.h"

#include "protocol/base/cleanup.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (64 * 1024)

struct pump {
	virStreamPtr stream;
	int fd;
	atomic_uint users; /* threads */
};

static void put(struct pump *pump)
{
	if (atomic_fetch_sub(&pump->users, 1) > 1)
		return;
	virStreamFree(pump->stream);
	close(pump->fd);
	free(pump);
}

/* From the socket to the stream. Its end ends the stream, and so the other thread. */
static void *send_all(void *opaque)
{
	struct pump *pump = opaque;
	char *bytes = malloc(CHUNK);
	ssize_t length = 0;

	while (bytes && (length = read(pump->fd, bytes, CHUNK)) > 0) {
		for (ssize_t at = 0; at < length;) {
			int sent = virStreamSend(pump->stream, bytes + at, (size_t)(length - at));

			if (sent < 0)
				goto out;
			at += sent;
		}
	}
out:
	free(bytes);
	virStreamAbort(pump->stream);
	shutdown(pump->fd, SHUT_RDWR);
	put(pump);
	return NULL;
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = send(fd, bytes, length, MSG_NOSIGNAL);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

/* From the stream to the socket. Its end ends the socket, and so the other thread. */
static void *receive_all(void *opaque)
{
	struct pump *pump = opaque;
	char *bytes = malloc(CHUNK);
	int length;

	while (bytes && (length = virStreamRecv(pump->stream, bytes, CHUNK)) > 0) {
		if (write_all(pump->fd, bytes, (size_t)length) < 0)
			break;
	}
	free(bytes);
	shutdown(pump->fd, SHUT_RDWR);
	put(pump);
	return NULL;
}

static int start_thread(void *(*run)(void *opaque), struct pump *pump)
{
	pthread_t thread;
	int r = -pthread_create(&thread, NULL, run, pump);

	if (r == 0)
		pthread_detach(thread);
	return r;
}

int stream_pump_new(virStreamPtr stream)
{
	_cleanup_close_ int far = -EBADF;
	struct pump *pump = malloc(sizeof(*pump));
	int pair[2], r;

	if (!pump || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		r = pump ? -errno : -ENOMEM;
		free(pump);
		virStreamAbort(stream);
		virStreamFree(stream);
		return r;
	}
	far = pair[0];
	*pump = (struct pump){.stream = stream, .fd = pair[1]};
	atomic_init(&pump->users, 2);
	r = start_thread(receive_all, pump);
	if (r < 0) {
		put(pump);
		virStreamAbort(stream);
		put(pump);
		return r;
	}
	r = start_thread(send_all, pump);
	if (r < 0) {
		virStreamAbort(stream);
		shutdown(pump->fd, SHUT_RDWR);
		put(pump);
		return r;
	}
	return take_fd(&far);
}

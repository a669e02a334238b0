/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/pump/listener.h"

#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define AT_ONCE	 16  /* accepted before others in the loop have their turn */
#define PAUSE_MS 200 /* without descriptors */

struct listener {
	uv_poll_t poll;
	uv_timer_t pause;
	unsigned int handles;
	int fd;
	listener_accepted *accepted;
	void *owner;
	bool freed;
};

void listener_peer(int fd, char peer[LISTENER_PEER_SIZE])
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address);
	char name[INET6_ADDRSTRLEN] = "";

	snprintf(peer, LISTENER_PEER_SIZE, "unix");
	if (getpeername(fd, (struct sockaddr *)&address, &length) < 0)
		return;
	if (address.ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;

		inet_ntop(AF_INET, &v4->sin_addr, name, sizeof(name));
		snprintf(peer, LISTENER_PEER_SIZE, "%s:%u", name, ntohs(v4->sin_port));
	} else if (address.ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;

		inet_ntop(AF_INET6, &v6->sin6_addr, name, sizeof(name));
		snprintf(peer, LISTENER_PEER_SIZE, "[%s]:%u", name, ntohs(v6->sin6_port));
	}
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
	struct listener *listener = timer->data;

	uv_poll_start(&listener->poll, UV_READABLE, on_poll);
}

/* false: nobody else is there for now. */
static bool accept_one(struct listener *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	char peer[LISTENER_PEER_SIZE];

	if (fd >= 0) {
		listener_peer(fd, peer);
		listener->accepted(listener->owner, fd, peer);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		log_warning("cannot take a connection: %s", error_text(errno));
		uv_poll_stop(&listener->poll);
		uv_timer_start(&listener->pause, on_pause_over, PAUSE_MS, 0);
		return false;
	}
	/* The others are the connection's own troubles (accept(2)). */
	return errno != EAGAIN && errno != EINVAL;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct listener *listener = poll->data;

	(void)events;
	if (status < 0) {
		log_error("a socket that listens is broken: %s", uv_strerror(status));
		uv_poll_stop(poll);
		return;
	}
	for (unsigned int i = 0; i < AT_ONCE && !listener->freed; i++) {
		if (!accept_one(listener))
			break;
	}
}

int listener_new(uv_loop_t *loop, int fd, listener_accepted *accepted, void *owner,
		 struct listener **listener)
{
	_cleanup_close_ int mine = fd;
	_cleanup_free_ struct listener *made = NULL;
	int listening = 0;
	socklen_t size = sizeof(listening);
	int flags, result;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0)
		return -errno;
	if (!listening)
		return -EINVAL;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	result = uv_poll_init(loop, &made->poll, fd);
	if (result < 0)
		return result;
	made->poll.data = made;
	uv_timer_init(loop, &made->pause);
	made->pause.data = made;
	made->handles = 2;
	made->fd = take_fd(&mine);
	made->accepted = accepted;
	made->owner = owner;
	uv_poll_start(&made->poll, UV_READABLE, on_poll);
	*listener = take_ptr(made);
	return 0;
}

static void handle_closed(uv_handle_t *handle)
{
	struct listener *listener = handle->data;

	if (--listener->handles == 0)
		free(listener);
}

void listener_free(struct listener *listener)
{
	if (!listener || listener->freed)
		return;
	listener->freed = true;
	uv_close((uv_handle_t *)&listener->poll, handle_closed);
	uv_close((uv_handle_t *)&listener->pause, handle_closed);
	close(listener->fd);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/screen/handoff_client.h"

#include "host/screen/handoff.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

struct packet {
	struct packet *next;
	handoff_done done;
	void *owner;
	int fd;
	size_t length;
	char text[];
};

struct handoff_client {
	const struct handoff_client_handlers *handlers;
	void *owner;
	int fd;
	pid_t pid;
	uv_poll_t poll;
	uv_timer_t limit;
	unsigned int closing;
	bool sent, freed;	/* sent: the first packet waits for its answer */
	struct packet *packets; /* the first is under way */
	size_t count;
};

static void no_answer_wanted(void *owner, int error, const char *text)
{
	(void)owner;
	if (error)
		log_warning("lodge-screen: %s", text);
}

static void finish_first(struct handoff_client *client, int error, const char *text)
{
	struct packet *packet = client->packets;

	client->packets = packet->next;
	client->count--;
	client->sent = false;
	packet->done(packet->owner, error, text);
	cleanup_close(&packet->fd);
	free(packet);
}

static ssize_t send_packet(int socket, const struct packet *packet)
{
	struct iovec part = {(void *)packet->text, packet->length};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (packet->fd >= 0) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &packet->fd, sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void fail(struct handoff_client *client, int error)
{
	uv_poll_stop(&client->poll);
	uv_timer_stop(&client->limit);
	client->handlers->closed(client->owner, error);
}

static void on_limit(uv_timer_t *timer)
{
	fail(timer->data, -ETIMEDOUT);
}

static void receive(struct handoff_client *client);

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct handoff_client *client = poll->data;

	/* libuv's word for POLLERR, whatever it was: the other end has closed and left packets
	 * unread. */
	if (status == UV_EBADF)
		fail(client, 0);
	else if (status < 0)
		fail(client, status);
	else if (events & (UV_READABLE | UV_DISCONNECT))
		receive(client);
}

/* Sends the first packet. There is room: all before it have been answered. */
static void go_on(struct handoff_client *client)
{
	if (client->freed || client->sent || !client->packets)
		return;
	/* An error shows as the end of the connection. */
	if (send_packet(client->fd, client->packets) < 0)
		log_debug("handoff: %s", error_text(errno));
	client->sent = true;
	uv_timer_start(&client->limit, on_limit, HANDOFF_LIMIT_MS, 0);
}

static void receive(struct handoff_client *client)
{
	char text[HANDOFF_MAX_ANSWER + 1];
	ssize_t length = recv(client->fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0) {
		fail(client, length < 0 && errno != ECONNRESET ? -errno : 0);
		return;
	}
	text[length] = '\0';
	if (client->handlers->told && strncmp(text, HANDOFF_NEWS, strlen(HANDOFF_NEWS)) == 0) {
		client->handlers->told(client->owner, text + strlen(HANDOFF_NEWS));
		return;
	}
	if (!client->sent) {
		fail(client, -EPROTO);
		return;
	}
	uv_timer_stop(&client->limit);
	if (strcmp(text, "ok") == 0)
		finish_first(client, 0, "");
	else if (strncmp(text, "error=", 6) == 0)
		finish_first(client, -EIO, text + 6);
	else
		finish_first(client, -EPROTO, "lodge-screen's answer makes no sense");
	go_on(client);
}

static int connect_packets(const char *path, pid_t *pid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -EBADF;
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return -errno;
	*pid = peer.pid;
	return take_fd(&fd);
}

int handoff_client_new(uv_loop_t *loop, const char *path,
		       const struct handoff_client_handlers *handlers, void *owner,
		       struct handoff_client **result)
{
	struct handoff_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return -ENOMEM;
	client->fd = connect_packets(path, &client->pid);
	r = client->fd < 0 ? client->fd : uv_poll_init(loop, &client->poll, client->fd);
	if (r < 0) {
		cleanup_close(&client->fd);
		free(client);
		return r;
	}
	uv_timer_init(loop, &client->limit);
	client->handlers = handlers;
	client->owner = owner;
	client->poll.data = client->limit.data = client;
	uv_poll_start(&client->poll, UV_READABLE | UV_DISCONNECT, on_ready);
	*result = client;
	return 0;
}

pid_t handoff_client_pid(const struct handoff_client *client)
{
	return client->pid;
}

int handoff_client_send(struct handoff_client *client, const char *text, int fd, handoff_done done,
			void *owner)
{
	size_t length = strlen(text);
	struct packet *packet, **last;
	int r = 0;

	if (client->freed)
		r = -ECONNRESET;
	else if (length > HANDOFF_MAX_PACKET)
		r = -EMSGSIZE;
	else if (client->count >= HANDOFF_MAX_WAITING)
		r = -EAGAIN;
	packet = r < 0 ? NULL : malloc(sizeof(*packet) + length);
	if (!packet) {
		cleanup_close(&fd);
		return r < 0 ? r : -ENOMEM;
	}
	*packet = (struct packet){
		.done = done ? done : no_answer_wanted,
		.owner = owner,
		.fd = fd,
		.length = length,
	};
	memcpy(packet->text, text, length);
	for (last = &client->packets; *last; last = &(*last)->next)
		;
	*last = packet;
	client->count++;
	go_on(client);
	return 0;
}

static void handle_closed(uv_handle_t *handle)
{
	struct handoff_client *client = handle->data;

	if (--client->closing > 0)
		return;
	close(client->fd);
	free(client);
}

void handoff_client_free(struct handoff_client *client)
{
	if (!client || client->freed)
		return;
	client->freed = true;
	client->closing = 2;
	while (client->packets)
		finish_first(client, -ECONNRESET, "lodge-screen has ended");
	uv_close((uv_handle_t *)&client->poll, handle_closed);
	uv_close((uv_handle_t *)&client->limit, handle_closed);
}

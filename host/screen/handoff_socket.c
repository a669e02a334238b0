/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An answer is one packet, and a client waits for it before it sends the next: a client whose
 * socket does not even take that is closed.
 */
#include "host/screen/handoff_socket.h"

#include "host/screen/descriptors.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/pump/listener.h"

#include <sys/socket.h>

#define PACKETS_TURN 8

struct handoff_client {
	struct handoff_socket *handoff;
	struct handoff_client *next;
	int fd;
	bool watches;
	uv_poll_t poll;
};

struct handoff_socket {
	uv_loop_t *loop;
	struct listener *listener;
	struct handoff_client *clients;
	unsigned int count;
	handoff_take *take;
	void *owner;
	char news[HANDOFF_MAX_ANSWER + 1]; /* empty: there is none */
};

static void poll_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void client_free(struct handoff_client *client)
{
	struct handoff_client **link = &client->handoff->clients;

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	client->handoff->count--;
	uv_close((uv_handle_t *)&client->poll, poll_closed);
	close(client->fd);
}

/* Takes @fd. */
static int take_packet(struct handoff_client *client, const char *text, size_t length, int fd,
		       const char **why)
{
	_cleanup_close_ int owned = fd;
	struct handoff handoff;
	int result = handoff_parse(text, length, &handoff, why);

	if (result < 0)
		return result;
	if ((handoff.kind == HANDOFF_CLOSE || handoff.kind == HANDOFF_WATCH) != (fd < 0)) {
		*why = fd < 0 ? "a descriptor is missing" : "this takes no descriptor";
		return -EINVAL;
	}
	*why = NULL;
	if (handoff.kind == HANDOFF_WATCH) {
		client->watches = true;
		return 0;
	}
	return client->handoff->take(client->handoff->owner, &handoff, take_fd(&owned), why);
}

/* Return: false: the client is to go. */
static bool tell(const struct handoff_client *client, const char *text)
{
	const size_t length = strlen(text);

	return send(client->fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
}

/* Likewise. */
static bool answer(const struct handoff_client *client, int result, const char *why)
{
	char text[HANDOFF_MAX_ANSWER] = "ok";

	if (result < 0)
		snprintf(text, sizeof(text), "error=%s", why ? why : error_text(result));
	return tell(client, text);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct handoff_client *client = poll->data;

	(void)status;
	(void)events;
	for (int i = 0; i < PACKETS_TURN; i++) {
		char text[HANDOFF_MAX_PACKET];
		const char *why = NULL;
		bool watched = client->watches;
		int fd, result;
		ssize_t got = descriptors_receive(client->fd, text, sizeof(text), &fd, 1);

		if (got == -EAGAIN || got == -EINTR)
			return;
		if (got > 0) {
			result = take_packet(client, text, (size_t)got, fd, &why);
			if (answer(client, result, why) &&
			    (watched == client->watches || !client->handoff->news[0] ||
			     tell(client, client->handoff->news)))
				continue;
		} else if (fd >= 0) {
			close(fd);
		}
		client_free(client);
		return;
	}
}

static void on_accepted(void *owner, int fd, const char *peer)
{
	struct handoff_socket *handoff = owner;
	_cleanup_close_ int owned = fd;
	_cleanup_free_ struct handoff_client *client = NULL;

	(void)peer;
	if (handoff->count >= HANDOFF_MAX_CLIENTS) {
		log_warning("too many connections to the handoff socket");
		return;
	}
	client = calloc(1, sizeof(*client));
	if (!client || uv_poll_init(handoff->loop, &client->poll, fd) < 0)
		return;
	client->handoff = handoff;
	client->fd = take_fd(&owned);
	client->poll.data = client;
	client->next = handoff->clients;
	handoff->count++;
	uv_poll_start(&client->poll, UV_READABLE, on_socket);
	handoff->clients = take_ptr(client);
}

int handoff_socket_new(uv_loop_t *loop, int fd, handoff_take *take, void *owner,
		       struct handoff_socket **result)
{
	_cleanup_close_ int owned = fd;
	_cleanup_free_ struct handoff_socket *handoff = calloc(1, sizeof(*handoff));
	int error;

	if (!handoff)
		return -ENOMEM;
	handoff->loop = loop;
	handoff->take = take;
	handoff->owner = owner;
	error = listener_new(loop, take_fd(&owned), on_accepted, handoff, &handoff->listener);
	if (error < 0)
		return error;
	*result = take_ptr(handoff);
	return 0;
}

void handoff_socket_tell(struct handoff_socket *handoff, const char *text)
{
	struct handoff_client *next;

	if (!handoff || strcmp(handoff->news, text) == 0)
		return;
	snprintf(handoff->news, sizeof(handoff->news), "%s", text);
	for (struct handoff_client *client = handoff->clients; client; client = next) {
		next = client->next;
		if (client->watches && !tell(client, handoff->news))
			client_free(client);
	}
}

void handoff_socket_free(struct handoff_socket *handoff)
{
	if (!handoff)
		return;
	listener_free(handoff->listener);
	while (handoff->clients)
		client_free(handoff->clients);
	free(handoff);
}

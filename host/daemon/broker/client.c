/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/broker/client.h"

#include "host/daemon/lodged.h"
#include "protocol/pump/pump.h"
#include "protocol/relay/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct client {
	struct session *session;
	struct pump *pump;
	struct session *agent;
	const char *const *services; /* NULL: all */
	unsigned int relays;
	void (*gone)(void *owner, struct client *client);
	void *owner;
};

/* --- The client's session ------------------------------------------------------------------- */

static void on_relay_ended(void *owner)
{
	struct client *client = owner;

	client->relays--;
}

/* "display.attach" is of the service "display". */
static bool may_ask(const struct client *client, struct slice method)
{
	const char *dot = method.length > 0 ? memchr(method.bytes, '.', method.length) : NULL;

	if (!client->services)
		return true;
	for (size_t i = 0; dot && client->services[i]; i++) {
		size_t length = strlen(client->services[i]);

		if ((size_t)(dot - (const char *)method.bytes) == length &&
		    memcmp(method.bytes, client->services[i], length) == 0)
			return true;
	}
	return false;
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	struct client *client = owner;
	int r;

	if (!may_ask(client, method)) {
		stream_fail(stream, EPERM, "that is not for this client");
		return;
	}
	if (client->relays >= CLIENT_MAX_STREAMS) {
		stream_fail(stream, EAGAIN, "too many requests at once");
		return;
	}
	r = relay_request(stream, client->agent, method, params, on_relay_ended, client);
	if (r < 0)
		stream_fail(stream, r == -EMFILE ? EAGAIN : r,
			    r == -ENOTCONN ? "the agent does not answer" : NULL);
	else
		client->relays++;
}

static void on_wake(void *owner)
{
	pump_wake(((struct client *)owner)->pump);
}

static const struct session_handlers session_handlers = {
	.request = on_request,
	.wake = on_wake,
};

static void on_closed(void *owner, int error)
{
	struct client *client = owner;

	(void)error;
	client->gone(client->owner, client);
}

static const struct pump_handlers pump_handlers = {.closed = on_closed};

int client_new(uv_loop_t *loop, int fd, struct session *agent, const char *const *capabilities,
	       const char *const *services, void (*gone)(void *owner, struct client *client),
	       void *owner, struct client **result)
{
	struct client *client = calloc(1, sizeof(*client));
	int r = -ENOMEM;

	if (client) {
		client->agent = agent;
		client->services = services;
		client->gone = gone;
		client->owner = owner;
		client->session = session_new(SESSION_GUEST, "lodged " LODGE_VERSION, capabilities,
					      &session_handlers, client);
	}
	if (!client || !client->session) {
		close(fd);
		free(client);
		return r;
	}
	r = pump_new(loop, fd, false, client->session, &pump_handlers, client, &client->pump);
	if (r < 0) {
		session_free(client->session);
		free(client);
		return r;
	}
	session_start(client->session);
	*result = client;
	return 0;
}

void client_free(struct client *client)
{
	struct pump *pump = client->pump;

	client->pump = NULL;
	pump_free(pump);
	session_free(client->session);
	free(client);
}

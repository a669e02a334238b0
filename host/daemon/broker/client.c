/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/broker/client.h"

#include "host/daemon/lodged.h"
#include "protocol/pump/pumped_session.h"
#include "protocol/relay/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct client {
	struct pumped_session *session;
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

static void on_closed(void *owner, int error)
{
	struct client *client = owner;

	(void)error;
	client->gone(client->owner, client);
}

static const struct pumped_session_handlers handlers = {.request = on_request, .closed = on_closed};

int client_new(uv_loop_t *loop, int fd, struct session *agent, const char *const *capabilities,
	       const char *const *services, void (*gone)(void *owner, struct client *client),
	       void *owner, struct client **result)
{
	struct client *client = calloc(1, sizeof(*client));
	const struct pumped_session_options options = {.loop = loop,
						       .role = SESSION_GUEST,
						       .software = "lodged " LODGE_VERSION,
						       .capabilities = capabilities,
						       .handlers = &handlers,
						       .owner = client};
	int r;

	if (!client) {
		close(fd);
		return -ENOMEM;
	}
	*client =
		(struct client){.agent = agent, .services = services, .gone = gone, .owner = owner};
	r = pumped_session_new(&options, fd, &client->session);
	if (r < 0) {
		free(client);
		return r;
	}
	*result = client;
	return 0;
}

void client_free(struct client *client)
{
	pumped_session_free(client->session);
	free(client);
}

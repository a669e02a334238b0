/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/broker/agent_link.h"

#include "host/daemon/broker/client.h"
#include "host/daemon/lodged.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/pump/pump.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define LINK_MAX_CLIENTS       64
#define LINK_MAX_CAPABILITIES  32
#define LINK_CAPABILITY_MAX    32
#define CONNECT_RETRY_FIRST_MS 20
#define CONNECT_RETRY_LAST_MS  1000
/* QEMU drops what is sent while the guest's port is closed, so HELLO is said again, ever slower. */
#define HELLO_RETRY_FIRST_MS 200
#define HELLO_RETRY_LAST_MS  10000

struct link_client {
	struct link_client *next;
	struct client *client;
	const char *capabilities[LINK_MAX_CAPABILITIES + 1]; /* of one that is limited */
};

struct agent_link {
	uv_loop_t *loop;
	char path[PATH_MAX];
	const struct agent_link_handlers *handlers;
	void *owner;
	uv_timer_t retry;
	uint64_t retry_ms;
	struct session *session;
	struct pump *pump; /* NULL while not connected */
	char software[128];
	char capability_text[LINK_MAX_CAPABILITIES][LINK_CAPABILITY_MAX];
	const char *capabilities[LINK_MAX_CAPABILITIES + 1];
	struct link_client *clients;
	struct agent_ping *pings;
};

static void try_connect(uv_timer_t *timer);
static void say_hello(uv_timer_t *timer);

static void again_in(struct agent_link *link, uv_timer_cb what, uint64_t last_ms)
{
	uv_timer_start(&link->retry, what, link->retry_ms, 0);
	link->retry_ms = MIN(link->retry_ms * 2, last_ms);
}

/* --- Clients -------------------------------------------------------------------------------- */

static void client_gone(void *owner, struct client *client)
{
	struct agent_link *link = owner;

	for (struct link_client **at = &link->clients; *at; at = &(*at)->next) {
		if ((*at)->client == client) {
			struct link_client *entry = *at;

			*at = entry->next;
			free(entry);
			break;
		}
	}
	client_free(client);
}

static void drop_clients(struct agent_link *link)
{
	while (link->clients)
		client_gone(link, link->clients->client);
}

static void drop_pings(struct agent_link *link)
{
	while (link->pings) {
		struct agent_ping *ping = link->pings;

		link->pings = ping->next;
		ping->done(ping, 0);
	}
}

static void limit_capabilities(struct link_client *entry, const char *const *all,
			       const char *const *services)
{
	size_t count = 0;

	for (; *all; all++) {
		for (size_t i = 0; services[i]; i++) {
			if (strcmp(services[i], *all) == 0)
				entry->capabilities[count++] = *all;
		}
	}
}

int agent_link_open(struct agent_link *link, int *fd)
{
	return agent_link_open_limited(link, NULL, fd);
}

int agent_link_open_limited(struct agent_link *link, const char *const *services, int *fd)
{
	_cleanup_close_ int near = -EBADF;
	struct link_client *entry;
	unsigned int count = 0;
	int pair[2], r;

	if (!agent_link_is_available(link))
		return -ENOTCONN;
	for (entry = link->clients; entry; entry = entry->next)
		count++;
	if (count >= LINK_MAX_CLIENTS)
		return -EMFILE;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	near = pair[1];
	entry = calloc(1, sizeof(*entry));
	if (!entry) {
		close(pair[0]);
		return -ENOMEM;
	}
	if (services)
		limit_capabilities(entry, link->capabilities, services);
	r = client_new(link->loop, pair[0], link->session,
		       services ? entry->capabilities : link->capabilities, services, client_gone,
		       link, &entry->client);
	if (r < 0) {
		free(entry);
		return r;
	}
	entry->next = link->clients;
	link->clients = entry;
	*fd = take_fd(&near);
	return 0;
}

/* --- The agent's session -------------------------------------------------------------------- */

static void keep_capabilities(struct agent_link *link, struct slice encoded)
{
	struct cbor_reader reader = CBOR_READER(encoded);
	size_t count = 0;

	for (uint64_t left = cbor_get_array(&reader); left > 0; left--) {
		struct slice text = cbor_get_text(&reader);

		if (reader.error || count == LINK_MAX_CAPABILITIES)
			break;
		if (text.length == 0 || text.length >= LINK_CAPABILITY_MAX ||
		    memchr(text.bytes, '\0', text.length))
			continue;
		memcpy(link->capability_text[count], text.bytes, text.length);
		link->capability_text[count][text.length] = '\0';
		link->capabilities[count] = link->capability_text[count];
		count++;
	}
	link->capabilities[count] = NULL;
}

static void on_established(void *owner, const struct session_peer *peer)
{
	struct agent_link *link = owner;
	size_t length = MIN(peer->software.length, sizeof(link->software) - 1);

	uv_timer_stop(&link->retry);
	if (length > 0)
		memcpy(link->software, peer->software.bytes, length);
	link->software[length] = '\0';
	keep_capabilities(link, peer->capabilities);
	link->handlers->changed(link->owner, true);
}

static void forget_agent(struct agent_link *link)
{
	link->software[0] = '\0';
	link->capabilities[0] = NULL;
	drop_pings(link);
	drop_clients(link);
	link->handlers->changed(link->owner, false);
}

static void on_lost(void *owner, int reason)
{
	struct agent_link *link = owner;

	if (reason == -EPROTO)
		log_warning("%s: the guest broke the protocol, starting anew", link->path);
	if (reason == -EPROTONOSUPPORT)
		log_warning("%s: the agent speaks another version of the protocol", link->path);
	forget_agent(link);
	/* It says HELLO when it is back; a peer that only vanished is asked. */
	if (link->pump) {
		link->retry_ms = HELLO_RETRY_FIRST_MS;
		again_in(link, say_hello, HELLO_RETRY_LAST_MS);
	}
}

static void on_pong(void *owner, uint64_t cookie)
{
	struct agent_link *link = owner;

	for (struct agent_ping **at = &link->pings; *at; at = &(*at)->next) {
		struct agent_ping *ping = *at;

		if (ping->cookie != cookie)
			continue;
		*at = ping->next;
		ping->done(ping, uv_hrtime() - ping->sent_ns);
		return;
	}
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	struct agent_link *link = owner;

	if (link->handlers->request)
		link->handlers->request(link->owner, stream, method, params);
	else
		stream_fail(stream, ENOSYS, NULL);
}

static void on_wake(void *owner)
{
	pump_wake(((struct agent_link *)owner)->pump);
}

static const struct session_handlers session_handlers = {
	.established = on_established,
	.lost = on_lost,
	.request = on_request,
	.pong = on_pong,
	.wake = on_wake,
};

int agent_link_ping(struct agent_link *link, struct agent_ping *ping)
{
	int r;

	ping->cookie = random_u64();
	ping->sent_ns = uv_hrtime();
	ping->next = link->pings;
	link->pings = ping;
	r = session_ping(link->session, ping->cookie);
	if (r < 0)
		link->pings = ping->next;
	return r;
}

void agent_link_forget_ping(struct agent_link *link, struct agent_ping *ping)
{
	for (struct agent_ping **at = &link->pings; *at; at = &(*at)->next) {
		if (*at == ping) {
			*at = ping->next;
			return;
		}
	}
}

int agent_link_request(struct agent_link *link, const char *method, struct slice params,
		       const struct stream_handlers *handlers, void *owner, struct stream **stream)
{
	if (!agent_link_is_available(link))
		return -ENOTCONN;
	return session_request(link->session, slice_of(method), params, handlers, owner, stream);
}

static void ignore_end(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)owner;
	(void)result;
}

int agent_link_tell(struct agent_link *link, const char *method, struct slice params)
{
	static const struct stream_handlers nobody = {.closed = ignore_end};

	return agent_link_request(link, method, params, &nobody, NULL, NULL);
}

/* --- Connecting ----------------------------------------------------------------------------- */

static void on_closed(void *owner, int error)
{
	struct agent_link *link = owner;

	(void)error;
	pump_free(link->pump);
	link->pump = NULL;
	link->retry_ms = CONNECT_RETRY_FIRST_MS;
	again_in(link, try_connect, CONNECT_RETRY_LAST_MS);
}

static const struct pump_handlers pump_handlers = {.closed = on_closed};

static void say_hello(uv_timer_t *timer)
{
	struct agent_link *link = timer->data;

	if (!link->pump || session_is_established(link->session))
		return;
	session_start(link->session);
	again_in(link, say_hello, HELLO_RETRY_LAST_MS);
}

void agent_link_give(struct agent_link *link, int fd)
{
	if (fd < 0 ||
	    pump_new(link->loop, fd, false, link->session, &pump_handlers, link, &link->pump) < 0) {
		again_in(link, try_connect, CONNECT_RETRY_LAST_MS);
		return;
	}
	link->retry_ms = HELLO_RETRY_FIRST_MS;
	say_hello(&link->retry);
}

static void try_connect(uv_timer_t *timer)
{
	struct agent_link *link = timer->data;

	if (link->path[0])
		agent_link_give(link, connect_unix(link->path));
	else
		link->handlers->connect(link->owner);
}

int agent_link_new(uv_loop_t *loop, const char *path, const struct agent_link_handlers *handlers,
		   void *owner, struct agent_link **result)
{
	static const char *const capabilities[] = {NULL};
	struct agent_link *link = calloc(1, sizeof(*link));

	if (!link)
		return -ENOMEM;
	link->session = session_new(SESSION_HOST, "lodged " LODGE_VERSION, capabilities,
				    &session_handlers, link);
	if (!link->session || (path && strlen(path) >= sizeof(link->path))) {
		session_free(link->session);
		free(link);
		return -ENOMEM;
	}
	if (path)
		strcpy(link->path, path);
	link->loop = loop;
	link->handlers = handlers;
	link->owner = owner;
	link->retry_ms = CONNECT_RETRY_FIRST_MS;
	uv_timer_init(loop, &link->retry);
	link->retry.data = link;
	uv_timer_start(&link->retry, try_connect, 0, 0);
	*result = link;
	return 0;
}

static void free_link(uv_handle_t *timer)
{
	free(timer->data);
}

static void changed_to_nobody(void *owner, bool available)
{
	(void)owner;
	(void)available;
}

void agent_link_free(struct agent_link *link)
{
	static const struct agent_link_handlers nobody = {.changed = changed_to_nobody};

	if (!link)
		return;
	link->handlers = &nobody;
	drop_pings(link);
	drop_clients(link);
	pump_free(link->pump);
	link->pump = NULL;
	session_free(link->session);
	uv_close((uv_handle_t *)&link->retry, free_link);
}

bool agent_link_is_available(const struct agent_link *link)
{
	return link && session_is_established(link->session);
}

const char *agent_link_software(const struct agent_link *link)
{
	return link ? link->software : "";
}

const char *const *agent_link_capabilities(const struct agent_link *link)
{
	static const char *const none[] = {NULL};

	return link ? link->capabilities : none;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/session_link.h"

#include "guest-agent/agent/seat.h"
#include "guest-agent/common/unix_socket.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/pump/pump.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>

#define CONNECTIONS	   16
#define CONNECTIONS_OF_UID 4
#define BACKLOG		   4

struct connection {
	struct session_link *link;
	struct pump *pump; /* NULL: the place is free */
	struct session *session;
	uid_t uid;
	char name[SEAT_SESSION_MAX]; /* logind's, of the session it runs in */
	uint64_t since;		     /* the youngest of a session counts; 0: not established */
	size_t capabilities_length;
	uint8_t capabilities[256];
};

struct session_link {
	uv_loop_t *loop;
	char path[PATH_MAX];
	char root[PATH_MAX];
	uv_poll_t listener;
	int listener_fd;
	uv_poll_t seats;
	int seats_fd, seats_watch;
	struct seat seat;
	struct connection connections[CONNECTIONS];
	uint64_t count;
	const struct connection *current;
	struct session_link_watcher *watchers;
	unsigned int closing;
};

static void tell(struct session_link *link)
{
	struct session_link_watcher *next;

	for (struct session_link_watcher *watcher = link->watchers; watcher; watcher = next) {
		next = watcher->next;
		watcher->changed(watcher->owner);
	}
}

/* One that certainly is in the session that has the screen; of several the youngest. */
static const struct connection *find_current(const struct session_link *link)
{
	const struct connection *best = NULL;
	enum seat_claim best_claim = SEAT_OTHER;

	for (size_t i = 0; i < CONNECTIONS; i++) {
		const struct connection *connection = &link->connections[i];
		const enum seat_claim claim =
			connection->since
				? seat_claim_of(&link->seat, connection->uid, connection->name)
				: SEAT_OTHER;

		if (claim < best_claim || claim == SEAT_OTHER ||
		    (claim == best_claim && connection->since < best->since))
			continue;
		best = connection;
		best_claim = claim;
	}
	return best;
}

void session_link_refresh(struct session_link *link)
{
	const struct connection *current;

	if (!link)
		return;
	seat_watch(link->root, link->seats_fd, &link->seats_watch);
	seat_read(link->root, &link->seat);
	current = find_current(link);
	if (current == link->current)
		return;
	link->current = current;
	tell(link);
}

static void on_seats(uv_poll_t *poll, int status, int events)
{
	struct session_link *link = poll->data;
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	(void)status;
	(void)events;
	while (read(link->seats_fd, bytes, sizeof(bytes)) > 0)
		;
	session_link_refresh(link);
}

/* --- A session's connection ----------------------------------------------------------------- */

static void on_established(void *owner, const struct session_peer *peer)
{
	struct connection *connection = owner;

	connection->capabilities_length = 0;
	if (peer->capabilities.length > sizeof(connection->capabilities))
		log_debug("a session of user %u can do too much", connection->uid);
	else
		connection->capabilities_length = peer->capabilities.length;
	if (connection->capabilities_length)
		memcpy(connection->capabilities, peer->capabilities.bytes,
		       connection->capabilities_length);
	connection->since = ++connection->link->count;
	log_debug("session \"%s\" of user %u is here", connection->name, connection->uid);
	session_link_refresh(connection->link);
}

static void on_lost(void *owner, int reason)
{
	struct connection *connection = owner;

	(void)reason;
	connection->since = 0;
	session_link_refresh(connection->link);
}

static void on_wake(void *owner)
{
	const struct connection *connection = owner;

	pump_wake(connection->pump);
}

static const struct session_handlers session_handlers = {
	.established = on_established,
	.lost = on_lost,
	.wake = on_wake,
};

static void hang_up(struct connection *connection)
{
	struct pump *pump = connection->pump;

	connection->pump = NULL;
	pump_free(pump);
	session_disconnected(connection->session); /* `lost`, if it was established */
	session_free(connection->session);
	connection->session = NULL;
}

static void on_closed(void *owner, int error)
{
	(void)error;
	hang_up(owner);
}

static const struct pump_handlers pump_handlers = {.closed = on_closed};

/* --- Who comes ------------------------------------------------------------------------------ */

static unsigned int count_of(const struct session_link *link, uid_t uid)
{
	unsigned int count = 0;

	for (size_t i = 0; i < CONNECTIONS; i++)
		count += link->connections[i].pump && link->connections[i].uid == uid;
	return count;
}

/* Whoever has the screen gets a place, if need be that of somebody who has not. */
static struct connection *find_place(struct session_link *link, uid_t uid)
{
	const bool may_push = link->seat.taken && link->seat.uid == uid;

	if (count_of(link, uid) >= CONNECTIONS_OF_UID)
		return NULL;
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (!link->connections[i].pump)
			return &link->connections[i];
	}
	for (size_t i = 0; i < CONNECTIONS && may_push; i++) {
		if (link->connections[i].uid == uid)
			continue;
		hang_up(&link->connections[i]);
		return &link->connections[i];
	}
	return NULL;
}

static int welcome(struct session_link *link, int fd)
{
	static const char *const capabilities[] = {NULL};
	_cleanup_close_ int owned = fd;
	struct connection *connection;
	struct ucred peer;
	socklen_t length = sizeof(peer);
	int error;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return -errno;
	connection = find_place(link, peer.uid);
	if (!connection)
		return -EUSERS;
	*connection = (struct connection){.link = link, .uid = peer.uid};
	seat_session_of(link->root, peer.pid, connection->name);
	connection->session = session_new(SESSION_HOST, "lodge-agent " LODGE_VERSION, capabilities,
					  &session_handlers, connection);
	if (!connection->session)
		return -ENOMEM;
	error = pump_new(link->loop, take_fd(&owned), false, connection->session, &pump_handlers,
			 connection, &connection->pump);
	if (error) {
		session_free(connection->session);
		*connection = (struct connection){0};
		return error;
	}
	session_start(connection->session);
	return 0;
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
	struct session_link *link = poll->data;
	int fd = accept4(link->listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int error = fd < 0 ? 0 : welcome(link, fd);

	(void)status;
	(void)events;
	if (error)
		log_debug("a session was turned away: %s", error_text(error));
}

static void on_released(uv_handle_t *handle)
{
	struct session_link *link = handle->data;

	if (--link->closing == 0)
		free(link);
}

int session_link_new(uv_loop_t *loop, const char *path, const char *root,
		     struct session_link **result)
{
	_cleanup_free_ struct session_link *link = calloc(1, sizeof(*link));
	_cleanup_close_ int seats = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), listener = -EBADF;
	int error;

	if (!link)
		return -ENOMEM;
	if (seats < 0)
		return -errno;
	/* Everybody may connect: who he is, is looked at then. */
	listener = unix_socket_listen_in_folder(path, 0666, BACKLOG);
	if (listener < 0)
		return listener;
	link->loop = loop;
	snprintf(link->path, sizeof(link->path), "%s", path);
	snprintf(link->root, sizeof(link->root), "%s", root);
	link->seats_watch = -1;
	error = uv_poll_init(loop, &link->listener, listener);
	if (error)
		return error;
	link->listener.data = link;
	error = uv_poll_init(loop, &link->seats, seats);
	if (error) {
		link->closing = 1;
		uv_close((uv_handle_t *)&take_ptr(link)->listener, on_released);
		return error;
	}
	link->seats.data = link;
	link->closing = 2;
	link->listener_fd = take_fd(&listener);
	link->seats_fd = take_fd(&seats);
	uv_poll_start(&link->listener, UV_READABLE, on_listener);
	uv_poll_start(&link->seats, UV_READABLE, on_seats);
	*result = take_ptr(link);
	session_link_refresh(*result);
	return 0;
}

void session_link_free(struct session_link *link)
{
	if (!link)
		return;
	link->watchers = NULL;
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (link->connections[i].pump)
			hang_up(&link->connections[i]);
	}
	unlink(link->path);
	uv_close((uv_handle_t *)&link->listener, on_released);
	uv_close((uv_handle_t *)&link->seats, on_released);
	close(link->listener_fd);
	close(link->seats_fd);
}

/* --- For services --------------------------------------------------------------------------- */

void session_link_watch(struct session_link *link, struct session_link_watcher *watcher)
{
	if (!link)
		return;
	watcher->next = link->watchers;
	link->watchers = watcher;
}

void session_link_unwatch(struct session_link *link, struct session_link_watcher *watcher)
{
	struct session_link_watcher **place = link ? &link->watchers : NULL;

	while (place && *place && *place != watcher)
		place = &(*place)->next;
	if (place && *place)
		*place = watcher->next;
}

const struct seat *session_link_seat(const struct session_link *link)
{
	return link ? &link->seat : NULL;
}

struct session *session_link_current(const struct session_link *link, const char *capability)
{
	const struct connection *current = link ? link->current : NULL;
	struct session_peer peer;

	if (!current)
		return NULL;
	peer = (struct session_peer){
		.capabilities = {current->capabilities, current->capabilities_length}};
	return session_peer_has(&peer, capability) ? current->session : NULL;
}

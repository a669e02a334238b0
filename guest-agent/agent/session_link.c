/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/session_link.h"

#include "guest-agent/agent/seat.h"
#include "guest-agent/common/unix_socket.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/pump/listener.h"
#include "protocol/pump/pumped_session.h"

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
	struct pumped_session *pumped; /* NULL: the place is free */
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
	struct listener *listener;
	uv_poll_t seats;
	int seats_fd, seats_watch;
	struct seat seat;
	struct connection connections[CONNECTIONS];
	uint64_t count;
	const struct connection *current;
	struct session_link_watcher *watchers;
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

static void hang_up(struct connection *connection)
{
	struct pumped_session *pumped = take_ptr(connection->pumped);

	if (connection->since)
		on_lost(connection, -ECONNRESET);
	pumped_session_free(pumped);
}

static void on_closed(void *owner, int error)
{
	(void)error;
	hang_up(owner);
}

static const struct pumped_session_handlers session_handlers = {
	.established = on_established,
	.lost = on_lost,
	.closed = on_closed,
};

/* --- Who comes ------------------------------------------------------------------------------ */

static unsigned int count_of(const struct session_link *link, uid_t uid)
{
	unsigned int count = 0;

	for (size_t i = 0; i < CONNECTIONS; i++)
		count += link->connections[i].pumped && link->connections[i].uid == uid;
	return count;
}

/* Whoever has the screen gets a place, if need be that of somebody who has not. */
static struct connection *find_place(struct session_link *link, uid_t uid)
{
	const bool may_push = link->seat.taken && link->seat.uid == uid;

	if (count_of(link, uid) >= CONNECTIONS_OF_UID)
		return NULL;
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (!link->connections[i].pumped)
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
	struct pumped_session_options options;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return -errno;
	connection = find_place(link, peer.uid);
	if (!connection)
		return -EUSERS;
	*connection = (struct connection){.link = link, .uid = peer.uid};
	seat_session_of(link->root, peer.pid, connection->name);
	options = (struct pumped_session_options){
		.loop = link->loop,
		.role = SESSION_HOST,
		.software = "lodge-agent " LODGE_VERSION,
		.capabilities = capabilities,
		.handlers = &session_handlers,
		.owner = connection,
	};
	return pumped_session_new(&options, take_fd(&owned), &connection->pumped);
}

static void on_accepted(void *owner, int fd, const char *peer)
{
	int error = welcome(owner, fd);

	(void)peer;
	if (error)
		log_debug("a session was turned away: %s", error_text(error));
}

static void on_released(uv_handle_t *handle)
{
	free(handle->data);
}

int session_link_new(uv_loop_t *loop, const char *path, const char *root,
		     struct session_link **result)
{
	_cleanup_free_ struct session_link *link = calloc(1, sizeof(*link));
	_cleanup_close_ int seats = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int listener, error;

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
	error = listener_new(loop, listener, on_accepted, link, &link->listener);
	if (error)
		return error;
	error = uv_poll_init(loop, &link->seats, seats);
	if (error) {
		listener_free(link->listener);
		return error;
	}
	link->seats.data = link;
	link->seats_fd = take_fd(&seats);
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
		if (link->connections[i].pumped)
			hang_up(&link->connections[i]);
	}
	unlink(link->path);
	listener_free(link->listener);
	uv_close((uv_handle_t *)&link->seats, on_released);
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
	return session_peer_has(&peer, capability) ? pumped_session_session(current->pumped) : NULL;
}

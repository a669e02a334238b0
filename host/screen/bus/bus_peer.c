/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One poll handle. First lines of the handshake (bus_auth.h), then messages; what is sent before
 * the handshake is over waits for it.
 *
 * Descriptors come with the bytes of their message, and never later: those that have come and
 * belong to no message yet wait in a row.
 */
#include "host/screen/bus/bus_peer.h"

#include "host/screen/bus/bus_auth.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/socket.h>

#define READ_SIZE  (64U << 10)
#define KEEP_SIZE  (1U << 20) /* of a buffer that is empty again */
#define MAX_PIECES 32	      /* in one sendmsg() */
#define AT_ONCE	   64	      /* messages, before others in the loop have their turn */

/* Bytes on their way: a header or a body. */
struct piece {
	struct piece *next;
	uint8_t *bytes;
	size_t length, sent;
	int fd; /* goes with the first byte; or negative */
};

struct waiting_call {
	uint32_t serial; /* 0: free */
	bus_replied *replied;
	void *owner;
};

struct bus_peer {
	uv_poll_t poll;
	uv_timer_t limit; /* of the handshake */
	uv_timer_t wake;  /* there is more in the buffer, or closed() is to be called */
	unsigned int handles;
	int fd;
	const struct bus_peer_handlers *handlers;
	void *owner;
	size_t max_message;
	struct bus_auth auth;

	uint8_t *in;
	size_t in_start, in_length, in_capacity;
	int in_fds[BUS_PEER_MAX_FDS];
	unsigned int in_fd_count;

	struct piece *first, *last;
	size_t queued;

	uint32_t serial;
	struct waiting_call calls[BUS_PEER_MAX_CALLS];

	bool up;
	bool ended, told;
	int error;
	bool freed;
};

static void on_poll(uv_poll_t *poll, int status, int events);
static void on_wake(uv_timer_t *timer);

/* --- The loop --------------------------------------------------------------------------------- */

static void wake(struct bus_peer *peer)
{
	uv_timer_start(&peer->wake, on_wake, 0, 0);
}

static void poll_again(struct bus_peer *peer)
{
	int events = 0;

	if (peer->freed)
		return;
	if (!peer->ended)
		events = UV_READABLE | (peer->up && peer->first ? UV_WRITABLE : 0);
	if (events)
		uv_poll_start(&peer->poll, events, on_poll);
	else
		uv_poll_stop(&peer->poll);
}

static void end(struct bus_peer *peer, int error)
{
	if (peer->ended || peer->freed)
		return;
	peer->ended = true;
	peer->error = error;
	uv_timer_stop(&peer->limit);
	poll_again(peer);
	wake(peer);
}

/* --- Out -------------------------------------------------------------------------------------- */

static void free_piece(struct piece *piece)
{
	if (!piece)
		return;
	cleanup_close(&piece->fd);
	free(piece->bytes);
	free(piece);
}

/* @bytes become the piece's. NULL without memory, and they are freed. */
static struct piece *new_piece(uint8_t *bytes, size_t length)
{
	struct piece *piece = calloc(1, sizeof(*piece));

	if (!piece) {
		free(bytes);
		return NULL;
	}
	*piece = (struct piece){.bytes = bytes, .length = length, .fd = -1};
	return piece;
}

static void enqueue(struct bus_peer *peer, struct piece *piece)
{
	if (peer->last)
		peer->last->next = piece;
	else
		peer->first = piece;
	peer->last = piece;
	peer->queued += piece->length;
}

/* In one piece: a peer that has not read a few lines yet does not mean well. */
static int send_line(struct bus_peer *peer, const char *line, size_t length)
{
	ssize_t sent;

	if (length == 0)
		return 0;
	sent = send(peer->fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return -errno;
	return (size_t)sent == length ? 0 : -EPROTO;
}

/* The descriptor of the first piece goes along with its first byte; pieces behind it that have one
 * wait for the next turn. */
static ssize_t send_some(struct bus_peer *peer)
{
	struct iovec parts[MAX_PIECES];
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = parts};

	for (struct piece *piece = peer->first; piece && message.msg_iovlen < MAX_PIECES;
	     piece = piece->next) {
		if (piece != peer->first && piece->fd >= 0)
			break;
		parts[message.msg_iovlen++] =
			(struct iovec){piece->bytes + piece->sent, piece->length - piece->sent};
	}
	if (peer->first->fd >= 0) {
		message.msg_control = control.space;
		message.msg_controllen = sizeof(control.space);
		control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS,
						  .cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(&control.header), &peer->first->fd, sizeof(int));
	}
	return sendmsg(peer->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void drop_sent(struct bus_peer *peer, size_t sent)
{
	peer->queued -= sent;
	if (sent && peer->first->fd >= 0) {
		close(peer->first->fd);
		peer->first->fd = -1;
	}
	while (sent) {
		struct piece *piece = peer->first;
		size_t part = MIN(sent, piece->length - piece->sent);

		piece->sent += part;
		sent -= part;
		if (piece->sent < piece->length)
			break;
		peer->first = piece->next;
		if (!peer->first)
			peer->last = NULL;
		free_piece(piece);
	}
}

static void send_queue(struct bus_peer *peer)
{
	while (peer->first) {
		ssize_t sent = send_some(peer);

		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent < 0) {
			end(peer, errno == EPIPE || errno == ECONNRESET ? 0 : -errno);
			return;
		}
		drop_sent(peer, (size_t)sent);
	}
	poll_again(peer);
	if (peer->handlers->drained)
		peer->handlers->drained(peer->owner);
}

/* Takes @body over, always. */
static int send_message(struct bus_peer *peer, struct bus_message *message, struct bus_writer *body,
			int fd)
{
	struct bus_writer header = {0};
	struct bus_writer taken = {0};
	struct piece *first = NULL, *second = NULL;
	int result = -ENOMEM;

	if (body) {
		taken = *body;
		*body = (struct bus_writer){0};
	}
	if (peer->ended || peer->freed)
		result = -EPIPE;
	else if (taken.failed)
		result = -EMSGSIZE;
	else if (taken.length > BUS_PEER_MAX_QUEUE - MIN(peer->queued, BUS_PEER_MAX_QUEUE))
		result = -ENOBUFS;
	else if (fd >= 0 && peer->up && !peer->auth.fds)
		result = -ENOTSUP;
	else
		result = 0;
	if (result < 0) {
		bus_writer_free(&taken);
		return result;
	}
	message->body.length = taken.length;
	message->fds = fd >= 0;
	bus_put_header(&header, message);
	if (header.failed) {
		bus_writer_free(&header);
		bus_writer_free(&taken);
		return -ENOMEM;
	}
	first = new_piece(header.bytes, header.length);
	if (taken.length)
		second = new_piece(taken.bytes, taken.length);
	else
		bus_writer_free(&taken);
	if (first && fd >= 0)
		first->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (!first || (taken.length && !second) || (fd >= 0 && first->fd < 0)) {
		free_piece(first);
		free_piece(second);
		return -ENOMEM;
	}
	enqueue(peer, first);
	if (second)
		enqueue(peer, second);
	poll_again(peer);
	return 0;
}

static uint32_t next_serial(struct bus_peer *peer)
{
	if (++peer->serial == 0)
		peer->serial = 1;
	return peer->serial;
}

static struct waiting_call *find_call(struct bus_peer *peer, uint32_t serial)
{
	for (size_t i = 0; i < ARRAY_SIZE(peer->calls); i++) {
		if (peer->calls[i].serial == serial)
			return &peer->calls[i];
	}
	return NULL;
}

int bus_peer_call(struct bus_peer *peer, const char *path, const char *interface,
		  const char *member, const char *signature, struct bus_writer *body, int fd,
		  bus_replied *replied, void *owner)
{
	struct bus_message message = {
		.type = BUS_CALL,
		.flags = replied ? (uint8_t)0 : (uint8_t)BUS_NO_REPLY,
		.serial = next_serial(peer),
		.path = path,
		.interface = interface,
		.member = member,
		.signature = signature,
	};
	struct waiting_call *call = replied ? find_call(peer, 0) : NULL;
	int result;

	if (replied && !call) {
		if (body)
			bus_writer_free(body);
		return -EAGAIN;
	}
	result = send_message(peer, &message, body, fd);
	if (result == 0 && call)
		*call = (struct waiting_call){message.serial, replied, owner};
	return result;
}

void bus_peer_forget(struct bus_peer *peer, const void *owner)
{
	for (size_t i = 0; i < ARRAY_SIZE(peer->calls); i++) {
		if (peer->calls[i].owner == owner)
			peer->calls[i] = (struct waiting_call){0};
	}
}

int bus_peer_reply(struct bus_peer *peer, uint32_t serial, const char *signature,
		   struct bus_writer *body)
{
	struct bus_message message = {
		.type = BUS_REPLY,
		.flags = BUS_NO_REPLY,
		.serial = next_serial(peer),
		.reply_serial = serial,
		.signature = signature,
	};

	return send_message(peer, &message, body, -1);
}

int bus_peer_refuse(struct bus_peer *peer, uint32_t serial, const char *error, const char *text)
{
	struct bus_writer body = {0};
	struct bus_message message = {
		.type = BUS_ERROR,
		.flags = BUS_NO_REPLY,
		.serial = next_serial(peer),
		.reply_serial = serial,
		.error = error,
		.signature = "s",
	};

	bus_put_string(&body, text);
	return send_message(peer, &message, &body, -1);
}

/* --- In --------------------------------------------------------------------------------------- */

static void use(struct bus_peer *peer, size_t length)
{
	peer->in_start += length;
	peer->in_length -= length;
	if (peer->in_length > 0)
		return;
	peer->in_start = 0;
	if (peer->in_capacity > KEEP_SIZE) {
		free(take_ptr(peer->in));
		peer->in_capacity = 0;
	}
}

/* Room for more behind what there is, NULL without memory. A buffer grows with what has come. */
static uint8_t *make_room(struct bus_peer *peer)
{
	size_t need = peer->in_length + READ_SIZE;

	if (peer->in_start + need > peer->in_capacity && peer->in_length)
		memmove(peer->in, peer->in + peer->in_start, peer->in_length);
	if (peer->in_start + need > peer->in_capacity)
		peer->in_start = 0;
	if (need > peer->in_capacity) {
		size_t capacity = MAX(need, 2 * peer->in_capacity);
		uint8_t *bytes = realloc(peer->in, capacity);

		if (!bytes)
			return NULL;
		peer->in = bytes;
		peer->in_capacity = capacity;
	}
	return peer->in + peer->in_start + peer->in_length;
}

static void close_fds(int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

/* -EMSGSIZE: they are too many, and all that came now are closed. */
static int take_fds(struct bus_peer *peer, struct msghdr *message)
{
	int result = message->msg_flags & MSG_CTRUNC ? -EMSGSIZE : 0;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		int fds[BUS_PEER_MAX_FDS];
		size_t count;

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		assert(count <= ARRAY_SIZE(fds));
		memcpy(fds, CMSG_DATA(header), count * sizeof(int));
		if (count > BUS_PEER_MAX_FDS - peer->in_fd_count || !peer->auth.fds) {
			close_fds(fds, (unsigned int)count);
			result = -EMSGSIZE;
			continue;
		}
		memcpy(peer->in_fds + peer->in_fd_count, fds, count * sizeof(int));
		peer->in_fd_count += (unsigned int)count;
	}
	return result;
}

static void receive(struct bus_peer *peer)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(BUS_PEER_MAX_FDS * sizeof(int))];
	} control;
	struct iovec part = {.iov_base = make_room(peer), .iov_len = READ_SIZE};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.space,
				 .msg_controllen = sizeof(control.space)};
	ssize_t got;
	int result;

	if (!part.iov_base) {
		end(peer, -ENOMEM);
		return;
	}
	got = recvmsg(peer->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0) {
		if (errno != EAGAIN && errno != EINTR)
			end(peer, errno == ECONNRESET || errno == EPIPE ? 0 : -errno);
		return;
	}
	result = take_fds(peer, &message);
	if (result < 0 || got == 0) {
		end(peer, result);
		return;
	}
	peer->in_length += (size_t)got;
}

/* --- Messages --------------------------------------------------------------------------------- */

static void dispatch_reply(struct bus_peer *peer, const struct bus_message *message, int *fds)
{
	struct waiting_call *call = find_call(peer, message->reply_serial);
	struct waiting_call taken;

	if (!call) /* nobody waits any more */
		return;
	taken = *call;
	*call = (struct waiting_call){0};
	taken.replied(taken.owner, message, fds);
}

static void dispatch(struct bus_peer *peer, const struct bus_message *message, int *fds)
{
	if (message->type == BUS_CALL)
		peer->handlers->call(peer->owner, message, fds);
	else if (message->type == BUS_REPLY || message->type == BUS_ERROR)
		dispatch_reply(peer, message, fds);
	/* Signals and whatever else there may be one day are nothing to us. */
}

/* -EAGAIN: it is not there as a whole. */
static int next_message(struct bus_peer *peer)
{
	const uint8_t *bytes = peer->in + peer->in_start;
	int fds[BUS_PEER_MAX_FDS];
	struct bus_message message;
	size_t size;
	int result;

	if (peer->in_length < BUS_FIXED_HEADER)
		return -EAGAIN;
	result = bus_message_size(bytes, &size);
	if (result < 0)
		return result;
	if (size > peer->max_message)
		return -EMSGSIZE;
	if (peer->in_length < size)
		return -EAGAIN;
	result = bus_message_parse(bytes, size, &message);
	if (result < 0)
		return result;
	if (message.fds > peer->in_fd_count)
		return -EBADMSG;
	memcpy(fds, peer->in_fds, message.fds * sizeof(int));
	peer->in_fd_count -= message.fds;
	memmove(peer->in_fds, peer->in_fds + message.fds, peer->in_fd_count * sizeof(int));
	dispatch(peer, &message, fds);
	close_fds(fds, message.fds);
	use(peer, size);
	return 0;
}

static int next_line(struct bus_peer *peer)
{
	char answer[BUS_AUTH_MAX_ANSWER];
	size_t used, length;
	int result = bus_auth_take(&peer->auth, peer->in + peer->in_start, peer->in_length, &used,
				   answer, &length);

	use(peer, used);
	if (result == 0)
		result = send_line(peer, answer, length);
	if (result < 0 || peer->auth.state != BUS_AUTH_DONE)
		return result;
	peer->up = true;
	uv_timer_stop(&peer->limit);
	poll_again(peer);
	if (!peer->first && peer->handlers->drained)
		peer->handlers->drained(peer->owner);
	return 0;
}

static void take_what_is_there(struct bus_peer *peer)
{
	int result = 0;

	for (unsigned int i = 0; i < AT_ONCE && result == 0; i++) {
		result = peer->up ? next_message(peer) : next_line(peer);
		if (peer->freed || peer->ended)
			return;
	}
	if (result < 0 && result != -EAGAIN)
		end(peer, result);
	else if (result == 0)
		wake(peer);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct bus_peer *peer = poll->data;

	if (status < 0) {
		end(peer, 0);
		return;
	}
	if ((events & UV_WRITABLE) && peer->up)
		send_queue(peer);
	if (peer->freed || peer->ended)
		return;
	if (events & UV_READABLE)
		receive(peer);
	if (!peer->ended)
		take_what_is_there(peer);
}

static void on_wake(uv_timer_t *timer)
{
	struct bus_peer *peer = timer->data;

	if (!peer->ended) {
		take_what_is_there(peer);
	} else if (!peer->told) {
		peer->told = true;
		peer->handlers->closed(peer->owner, peer->error);
	}
}

static void on_limit(uv_timer_t *timer)
{
	end(timer->data, -ETIMEDOUT);
}

/* --- Life ------------------------------------------------------------------------------------- */

/* A name for this end, which is of no consequence: nobody else is on this connection. */
static void make_guid(const void *peer, char guid[BUS_AUTH_GUID_SIZE])
{
	snprintf(guid, BUS_AUTH_GUID_SIZE, "%016llx%016llx", (unsigned long long)uv_hrtime(),
		 (unsigned long long)(uintptr_t)peer * 0x9e3779b97f4a7c15ULL);
}

static int start(struct bus_peer *peer, enum bus_role role)
{
	char guid[BUS_AUTH_GUID_SIZE], hello[BUS_AUTH_MAX_ANSWER];

	if (role == BUS_CLIENT)
		return send_line(peer, hello, bus_auth_client(&peer->auth, geteuid(), hello));
	make_guid(peer, guid);
	bus_auth_server(&peer->auth, guid);
	return 0;
}

int bus_peer_new(uv_loop_t *loop, int fd, enum bus_role role, size_t max_message,
		 const struct bus_peer_handlers *handlers, void *owner, struct bus_peer **peer)
{
	_cleanup_close_ int mine = fd;
	_cleanup_free_ struct bus_peer *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return -ENOMEM;
	made->fd = fd;
	made->handlers = handlers;
	made->owner = owner;
	made->max_message = max_message;
	result = start(made, role);
	if (result == 0)
		result = uv_poll_init(loop, &made->poll, fd);
	if (result < 0)
		return result;
	made->poll.data = made;
	uv_timer_init(loop, &made->limit);
	made->limit.data = made;
	uv_timer_init(loop, &made->wake);
	made->wake.data = made;
	made->handles = 3;
	uv_timer_start(&made->limit, on_limit, BUS_PEER_START_MS, 0);
	take_fd(&mine);
	poll_again(made);
	*peer = take_ptr(made);
	return 0;
}

static void handle_closed(uv_handle_t *handle)
{
	struct bus_peer *peer = handle->data;

	if (--peer->handles)
		return;
	for (struct piece *piece = peer->first, *next; piece; piece = next) {
		next = piece->next;
		free_piece(piece);
	}
	free(peer->in);
	free(peer);
}

void bus_peer_free(struct bus_peer *peer)
{
	if (!peer || peer->freed)
		return;
	peer->freed = true;
	uv_close((uv_handle_t *)&peer->poll, handle_closed);
	uv_close((uv_handle_t *)&peer->limit, handle_closed);
	uv_close((uv_handle_t *)&peer->wake, handle_closed);
	close_fds(peer->in_fds, peer->in_fd_count);
	close(peer->fd);
}

bool bus_peer_is_up(const struct bus_peer *peer)
{
	return peer->up;
}

size_t bus_peer_queued(const struct bus_peer *peer)
{
	return peer->queued;
}

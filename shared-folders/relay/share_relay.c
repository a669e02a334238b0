/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/relay/share_relay.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/share.h"
#include "shared-folders/fuse/check_reply.h"
#include "shared-folders/fuse/cutter.h"
#include "shared-folders/relay/notices.h"
#include "shared-folders/relay/requests.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/random.h>

#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS  2000
#define FAREWELL_MS    2000
/* What the server has not answered: beyond, the kernel waits, or (by number) is refused. */
#define HELD_MAX_BYTES (8U << 20)
#define HELD_MAX       4096
#define READS_AT_ONCE  32
/* A request that is longer than that keeps the buffer it was read into. */
#define COPY_MAX (64U << 10)
/* An acknowledgement is due after so many messages, or bytes. */
#define ACKNOWLEDGE_COUNT 16
#define ACKNOWLEDGE_BYTES (256U << 10)

struct share_relay {
	struct share_relay_options options;
	char *target, *user;
	struct session *session; /* NULL: none */
	struct stream *stream;	 /* NULL: none */
	bool is_open;		 /* `opened` has come on it */
	bool was_open;		 /* once, with this id */
	bool gave_up;
	bool is_leaving; /* unmounted */
	bool has_ended;	 /* `ended` was called */
	bool has_complained;
	uint8_t id[SHARE_SESSION_SIZE];
	char text[256]; /* why the stream was refused */

	uv_timer_t retry, wait;
	uint64_t retry_ms;
	uv_async_t carried;
	unsigned int handles;

	int fuse_fd;
	uv_poll_t poll;
	int poll_events;
	uint8_t *scratch; /* SERVER_MAX_MESSAGE bytes; NULL: to be made */
	struct requests requests;

	struct cutter cutter;
	uint64_t received, acknowledged; /* messages of the server */
	size_t unacknowledged_bytes;
	struct notices *notices;
	uint64_t notes_before;	/* notifications handed on before this session */
	uint64_t notes_added;	/* handed on, at all */
	uint64_t notes_dropped; /* of this session, not handed on */
	uint64_t notes_said;	/* carried, as the server knows */

	uint8_t *init; /* the kernel's, for servers that begin anew */
	size_t init_length;
	struct fuse_init_out init_out; /* as the kernel knows it */
	bool has_init, is_renewing;
	pid_t echo;	    /* 0: none */
	uint64_t echo_done; /* of this server's changes, those up to here */
};

static void go_on(struct share_relay *relay);
static void try_to_open(struct share_relay *relay);

static void end(struct share_relay *relay, int error)
{
	if (relay->has_ended)
		return;
	relay->has_ended = true;
	uv_timer_stop(&relay->retry);
	uv_timer_stop(&relay->wait);
	relay->options.handlers->ended(relay->options.owner, error, relay->text);
}

/* --- The kernel's side ---------------------------------------------------------------------- */

/* The kernel may have no use for it any more. */
static void tell_kernel(const struct share_relay *relay, const void *message, size_t length)
{
	if (relay->fuse_fd >= 0 && write(relay->fuse_fd, message, length) < 0 && errno != ENOENT)
		log_debug("the kernel does not take a reply: %s", error_text(errno));
}

static void fail_request(const struct share_relay *relay, uint64_t unique, int error)
{
	const struct fuse_out_header header = {
		.len = sizeof(header), .error = error, .unique = unique};

	tell_kernel(relay, &header, sizeof(header));
}

static void fail_all(struct share_relay *relay, int error)
{
	for (struct request *request = relay->requests.first; request; request = request->next) {
		if (request->is_silent || request->is_answered)
			continue;
		if (!request->is_ours)
			fail_request(relay, request->expectation.unique, error);
		request->is_answered = true;
	}
}

/* The server is asked for what we can check, and carry. */
static int prepare_init(struct share_relay *relay, uint8_t *bytes, size_t length)
{
	struct fuse_init_in init = {0};
	uint8_t *body = bytes + sizeof(struct fuse_in_header);
	const size_t body_length = MIN(length - sizeof(struct fuse_in_header), sizeof(init));
	uint64_t flags;

	memcpy(&init, body, body_length);
	flags = fuse_init_flags(init.flags | (uint64_t)init.flags2 << 32);
	init.flags = (uint32_t)flags;
	init.flags2 = (uint32_t)(flags >> 32);
	memcpy(body, &init, body_length);
	free(relay->init);
	relay->init = malloc(length);
	if (!relay->init)
		return -ENOMEM;
	memcpy(relay->init, bytes, length);
	relay->init_length = length;
	return 0;
}

/* What cannot be sent is answered at once, so that nobody waits. */
static void take_request(struct share_relay *relay, uint8_t *bytes, size_t length)
{
	struct fuse_expectation expectation;
	const bool has_reply = fuse_expect(bytes, length, &expectation);
	int error = 0;

	if (relay->gave_up)
		error = -EIO;
	else if (has_reply && relay->requests.held >= HELD_MAX)
		error = -ENOMEM;
	else if (expectation.opcode == FUSE_INIT)
		error = prepare_init(relay, bytes, length);
	if (error)
		free(bytes);
	else
		error = requests_add(&relay->requests, bytes, length, false);
	if (error && has_reply)
		fail_request(relay, expectation.unique, error);
}

static void leave(struct share_relay *relay);

/* Return: was there one? */
static bool read_request(struct share_relay *relay)
{
	ssize_t length;
	uint8_t *bytes;

	if (!relay->scratch)
		relay->scratch = malloc(SERVER_MAX_MESSAGE);
	if (!relay->scratch)
		return false;
	length = read(relay->fuse_fd, relay->scratch, SERVER_MAX_MESSAGE);
	if (length < 0 && (errno == ENODEV || errno == ECONNABORTED))
		leave(relay);
	if (length < 0)
		return errno == ENOENT || errno == EINTR;
	if ((size_t)length < sizeof(struct fuse_in_header))
		return false;
	bytes = (size_t)length > COPY_MAX ? take_ptr(relay->scratch) : malloc((size_t)length);
	if (!bytes) {
		struct fuse_in_header header;

		memcpy(&header, relay->scratch, sizeof(header));
		fail_request(relay, header.unique, -ENOMEM);
		return true;
	}
	if (relay->scratch)
		memcpy(bytes, relay->scratch, (size_t)length);
	take_request(relay, bytes, (size_t)length);
	return true;
}

static bool may_read(const struct share_relay *relay)
{
	if (relay->is_leaving || relay->has_ended)
		return false;
	if (relay->gave_up)
		return true;
	return relay->is_open && !relay->is_renewing && !relay->requests.unsent &&
	       relay->requests.held_bytes < HELD_MAX_BYTES;
}

static void on_kernel(uv_poll_t *poll, int status, int events)
{
	struct share_relay *relay = poll->data;

	(void)events;
	if (status < 0)
		relay->poll_events = 0; /* libuv has stopped it: the mount has most likely ended */
	for (int i = 0; i < READS_AT_ONCE && (status < 0 || may_read(relay)); i++) {
		if (!read_request(relay) || relay->is_leaving)
			break;
		if (!relay->requests.unsent)
			continue;
		go_on(relay);
	}
	go_on(relay);
}

static void update_poll(struct share_relay *relay)
{
	const int events = UV_DISCONNECT | (may_read(relay) ? UV_READABLE : 0);

	if (relay->fuse_fd < 0 || relay->is_leaving || events == relay->poll_events)
		return;
	relay->poll_events = events;
	uv_poll_start(&relay->poll, events, on_kernel);
}

static void on_farewell(uv_timer_t *timer)
{
	end(timer->data, 0);
}

/* It was unmounted: the server's session can go, too. */
static void leave(struct share_relay *relay)
{
	if (relay->is_leaving)
		return;
	relay->is_leaving = true;
	uv_poll_stop(&relay->poll);
	uv_timer_stop(&relay->retry);
	if (!relay->stream) {
		uv_timer_start(&relay->wait, on_farewell, 0, 0);
		return;
	}
	stream_end(relay->stream, 0);
	uv_timer_start(&relay->wait, on_farewell, FAREWELL_MS, 0);
}

/* --- Replies -------------------------------------------------------------------------------- */

static void complain(struct share_relay *relay, const char *what)
{
	if (!relay->has_complained)
		log_warning("the server of %s sends %s that make no sense", relay->target, what);
	relay->has_complained = true;
}

static void start_wait(struct share_relay *relay);

/* A header and nothing else. Without it the echo's changes are refused, and no event is raised. */
static void tell_echo(struct share_relay *relay)
{
	struct fuse_in_header *header = relay->echo > 0 ? calloc(1, sizeof(*header)) : NULL;

	if (!header)
		return;
	header->len = sizeof(*header);
	header->opcode = SHARE_OP_ECHO;
	header->pid = (uint32_t)relay->echo;
	header->nodeid = relay->echo_done;
	requests_add(&relay->requests, (uint8_t *)header, sizeof(*header), true);
}

/* A server that began anew has the first question of the kernel answered as the old one did? */
static void renewed(struct share_relay *relay, const uint8_t *reply, bool is_good)
{
	struct fuse_init_out init = {0};
	const struct fuse_init_out *old = &relay->init_out;

	if (is_good)
		memcpy(&init, reply + sizeof(struct fuse_out_header), sizeof(init));
	if (!is_good || init.flags != old->flags || init.flags2 != old->flags2 ||
	    init.minor != old->minor || init.max_write < old->max_write ||
	    init.max_pages < old->max_pages) {
		log_error("the share %s has come back as another that this mount cannot use: "
			  "unmount it",
			  relay->target);
		relay->was_open = false; /* not to be resumed */
		stream_cancel(relay->stream);
		return;
	}
	relay->is_renewing = false;
	relay->echo_done = 0;
	tell_echo(relay);
}

static bool is_success(const uint8_t *reply)
{
	struct fuse_out_header header;

	memcpy(&header, reply, sizeof(header));
	return header.error == 0;
}

static void answer(struct share_relay *relay, struct request *request, const uint8_t *reply,
		   size_t length)
{
	const struct fuse_expectation *expectation = &request->expectation;
	const bool is_good =
		fuse_check_reply(expectation, relay->options.hostile, reply, length) == 0;
	const bool is_init = expectation->opcode == FUSE_INIT;

	if (!is_good)
		complain(relay, "replies");
	if (is_init && request->is_ours) {
		renewed(relay, reply, is_good && is_success(reply));
	} else if (!request->is_answered && !request->is_ours) {
		if (is_good)
			tell_kernel(relay, reply, length);
		else
			fail_request(relay, expectation->unique, -EIO);
		if (is_init && is_good && is_success(reply)) {
			memcpy(&relay->init_out, reply + sizeof(struct fuse_out_header),
			       sizeof(relay->init_out));
			relay->has_init = true;
			relay->options.handlers->started(relay->options.owner);
		}
	}
	requests_remove(&relay->requests, request);
}

/* Of an interrupt the server may say that it came too early; the kernel says it again then. */
static void answer_interrupt(const struct share_relay *relay, const struct fuse_out_header *header)
{
	if ((header->unique & 1) && header->error == -EAGAIN && header->len == sizeof(*header) &&
	    requests_find(&relay->requests, header->unique & ~1ULL))
		tell_kernel(relay, header, sizeof(*header));
}

/* @message: becomes ours */
static void take_notification(struct share_relay *relay, uint8_t *message, size_t length)
{
	if (fuse_check_notification(message, length) < 0) {
		complain(relay, "notifications");
		free(message);
	} else if (!relay->notices) {
		free(message); /* who has not mounted yet has nothing to forget */
	} else if (notices_add(relay->notices, message, length) < 0) {
		complain(relay, "more notifications than it may, or there is no memory: some");
	} else {
		relay->notes_added++;
		return;
	}
	relay->notes_dropped++;
}

static void take_message(struct share_relay *relay, uint8_t *message, size_t length)
{
	struct fuse_out_header header;
	struct request *request;

	relay->received++;
	relay->unacknowledged_bytes += length;
	memcpy(&header, message, sizeof(header));
	if (header.unique == 0) {
		take_notification(relay, message, length);
		return;
	}
	request = requests_find(&relay->requests, header.unique);
	if (request)
		answer(relay, request, message, length);
	else
		answer_interrupt(relay, &header);
	free(message);
}

/* Notifications of this session that have been carried out. */
static uint64_t carried(const struct share_relay *relay)
{
	const uint64_t all = relay->notices ? notices_carried(relay->notices) : 0;

	return relay->notes_dropped + (all - MIN(all, relay->notes_before));
}

static void acknowledge(struct share_relay *relay)
{
	const struct share_received has = {.received = relay->received, .carried = carried(relay)};
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_share_received, &has, &writer);
	/* Without room for it now it is said later. */
	if (stream_message(relay->stream, SLICE_LITERAL("received"), cbor_written(&writer)) < 0)
		return;
	relay->acknowledged = has.received;
	relay->notes_said = has.carried;
	relay->unacknowledged_bytes = 0;
}

static void on_carried(uv_async_t *async)
{
	struct share_relay *relay = async->data;

	if (relay->is_open && !relay->is_leaving && carried(relay) != relay->notes_said)
		acknowledge(relay);
}

static void on_notice_carried(void *owner)
{
	struct share_relay *relay = owner;

	uv_async_send(&relay->carried);
}

static void on_change(void *owner, const void *body, size_t length)
{
	const struct share_relay *relay = owner;

	if (relay->options.handlers->change)
		relay->options.handlers->change(relay->options.owner, body, length);
}

static const struct notices_handlers notices_handlers = {.carried = on_notice_carried,
							 .change = on_change};

/* --- The stream ----------------------------------------------------------------------------- */

/* What there is goes out; the kernel is asked for more if there is room. */
static void go_on(struct share_relay *relay)
{
	struct slice output;

	while (relay->is_open && relay->stream && !relay->is_leaving &&
	       (output = requests_output(&relay->requests)).length > 0) {
		ssize_t sent = stream_send(relay->stream, 0, output.bytes, output.length);

		if (sent <= 0)
			break;
		requests_sent(&relay->requests, (size_t)sent);
	}
	if (relay->is_open && !relay->is_leaving &&
	    (relay->received - relay->acknowledged >= ACKNOWLEDGE_COUNT ||
	     relay->unacknowledged_bytes >= ACKNOWLEDGE_BYTES))
		acknowledge(relay);
	update_poll(relay);
}

static void draw_id(struct share_relay *relay)
{
	relay->was_open = false;
	while (getrandom(relay->id, sizeof(relay->id), 0) != (ssize_t)sizeof(relay->id))
		;
}

/* A server that knows nothing of us. */
static void begin_anew(struct share_relay *relay)
{
	uint8_t *init = relay->has_init ? malloc(relay->init_length) : NULL;

	fail_all(relay, -ESTALE);
	requests_clear(&relay->requests);
	relay->received = relay->acknowledged = 0;
	relay->unacknowledged_bytes = 0;
	relay->notes_before = relay->notes_added;
	relay->notes_dropped = relay->notes_said = 0;
	if (!relay->has_init)
		return;
	relay->is_renewing = true;
	if (!init) {
		stream_cancel(relay->stream);
		return;
	}
	memcpy(init, relay->init, relay->init_length);
	if (requests_add(&relay->requests, init, relay->init_length, true) < 0)
		stream_cancel(relay->stream);
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct share_relay *relay = owner;
	const bool is_first = !relay->has_init && relay->fuse_fd < 0;
	struct share_opened opened;

	if (!slice_is(name, "opened") || relay->is_open)
		return;
	if (message_decode(&message_share_opened, params, &opened) < 0 ||
	    (opened.resumed &&
	     (!relay->was_open || !requests_resume(&relay->requests, opened.received)))) {
		complain(relay, "answers");
		draw_id(relay);
		stream_cancel(stream);
		return;
	}
	if (!is_first)
		log_debug("the share %s is %s", relay->target,
			  opened.resumed ? "connected again" : "served by a new server");
	relay->is_open = relay->was_open = true;
	relay->retry_ms = RETRY_FIRST_MS;
	uv_timer_stop(&relay->wait);
	if (!opened.resumed)
		begin_anew(relay);
	if (relay->gave_up && relay->options.handlers->changed)
		relay->options.handlers->changed(relay->options.owner, true);
	relay->gave_up = false;
	if (is_first)
		relay->options.handlers->opened(relay->options.owner);
	go_on(relay);
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct share_relay *relay = owner;
	const size_t length = bytes.length;
	uint8_t *message;
	size_t message_length;
	int more = channel == 0 && relay->is_open && !relay->is_leaving;

	while (more > 0) {
		more = cutter_take(&relay->cutter, &bytes, &message, &message_length);
		if (more > 0)
			take_message(relay, message, message_length);
	}
	if (more < 0) {
		complain(relay, "messages");
		relay->is_open = false;
		draw_id(relay);
		stream_cancel(stream);
		return;
	}
	stream_consumed(stream, channel, length);
	go_on(relay);
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)stream;
	(void)channel;
	(void)bytes;
	go_on(owner);
}

static void on_retry(uv_timer_t *timer)
{
	try_to_open(timer->data);
}

static void try_again_later(struct share_relay *relay)
{
	if (relay->is_leaving || relay->has_ended)
		return;
	uv_timer_start(&relay->retry, on_retry, relay->retry_ms, 0);
	relay->retry_ms = MIN(2 * relay->retry_ms, (uint64_t)RETRY_LAST_MS);
}

/* They will not go away by themselves. */
static bool is_final(int error)
{
	return error == -ENOENT || error == -EACCES || error == -EPERM || error == -ENOSYS ||
	       error == -EBADMSG || error == -ENOTDIR || error == -EINVAL || error == -EROFS ||
	       error == -ENOTSUP || error == -ELOOP || error == -ENAMETOOLONG;
}

static void on_stream_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct share_relay *relay = owner;
	const size_t length = MIN(result->text.length, sizeof(relay->text) - 1);

	(void)stream;
	relay->stream = NULL;
	relay->is_open = false;
	relay->is_renewing = false;
	cutter_clear(&relay->cutter);
	if (length > 0)
		memcpy(relay->text, result->text.bytes, length);
	relay->text[length] = '\0';
	if (relay->is_leaving) {
		uv_timer_start(&relay->wait, on_farewell, 0, 0);
		return;
	}
	if (relay->fuse_fd < 0 && is_final(result->error)) {
		end(relay, result->error);
		return;
	}
	start_wait(relay);
	update_poll(relay);
	try_again_later(relay);
}

static const struct stream_handlers stream_handlers = {
	.message = on_message,
	.data = on_data,
	.credit = on_credit,
	.closed = on_stream_closed,
};

/* What is left of a stream when its relay is gone. */
static void on_orphan_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)owner;
	(void)result;
}

static const struct stream_handlers orphan_handlers = {.closed = on_orphan_closed};

static struct slice encode(const struct share_relay *relay, struct cbor_writer *writer)
{
	const struct share_options_common {
		struct slice session;
		uint64_t received;
	} common = {{relay->id, sizeof(relay->id)}, relay->was_open ? relay->received : 0};

	if (strcmp(relay->options.method, "share.export") == 0) {
		const struct share_export export = {
			.path = slice_of(relay->target),
			.session = common.session,
			.resume = relay->was_open,
			.received = common.received,
			.read_only = relay->options.read_only,
			.user = slice_of(relay->user ? relay->user : ""),
			.uid = relay->options.uid,
			.gid = relay->options.gid,
		};

		message_encode(&message_share_export, &export, writer);
	} else {
		const struct share_open open = {
			.name = slice_of(relay->target),
			.session = common.session,
			.resume = relay->was_open,
			.received = common.received,
		};

		message_encode(&message_share_open, &open, writer);
	}
	return cbor_written(writer);
}

static void try_to_open(struct share_relay *relay)
{
	uint8_t bytes[8192];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	int error;

	if (!relay->session || relay->stream || relay->is_leaving || relay->has_ended)
		return;
	error = session_request(relay->session, slice_of(relay->options.method),
				encode(relay, &writer), &stream_handlers, relay, &relay->stream);
	if (error)
		try_again_later(relay);
}

void share_relay_connect(struct share_relay *relay, struct session *session)
{
	relay->session = session;
	relay->retry_ms = RETRY_FIRST_MS;
	uv_timer_stop(&relay->retry);
	try_to_open(relay);
}

void share_relay_disconnect(struct share_relay *relay)
{
	struct stream *stream = relay->stream;

	relay->session = NULL;
	uv_timer_stop(&relay->retry);
	if (!stream)
		return;
	relay->stream = NULL;
	relay->is_open = false;
	relay->is_renewing = false;
	cutter_clear(&relay->cutter);
	stream_set_handlers(stream, &orphan_handlers, NULL);
	stream_cancel(stream);
	start_wait(relay);
	update_poll(relay);
}

/* --- Waiting -------------------------------------------------------------------------------- */

static void on_wait(uv_timer_t *timer)
{
	struct share_relay *relay = timer->data;

	if (relay->fuse_fd < 0) {
		end(relay, -ETIMEDOUT);
		return;
	}
	relay->gave_up = true;
	fail_all(relay, -EIO);
	if (relay->options.handlers->changed)
		relay->options.handlers->changed(relay->options.owner, false);
	update_poll(relay);
}

static void start_wait(struct share_relay *relay)
{
	if (relay->is_leaving || relay->gave_up || uv_is_active((uv_handle_t *)&relay->wait))
		return;
	uv_timer_start(&relay->wait, on_wait, relay->options.wait_ms, 0);
}

/* --- All of it ------------------------------------------------------------------------------ */

int share_relay_new(const struct share_relay_options *options, struct share_relay **result)
{
	_cleanup_free_ struct share_relay *relay = calloc(1, sizeof(*relay));
	int error;

	if (!relay)
		return -ENOMEM;
	relay->options = *options;
	if (!options->wait_ms)
		relay->options.wait_ms = SHARE_RELAY_WAIT_MS;
	relay->target = strdup(options->target);
	relay->user = options->user ? strdup(options->user) : NULL;
	error = !relay->target || (options->user && !relay->user)
			? -ENOMEM
			: uv_async_init(options->loop, &relay->carried, on_carried);
	if (error) {
		free(relay->target);
		free(relay->user);
		return error;
	}
	uv_timer_init(options->loop, &relay->retry);
	uv_timer_init(options->loop, &relay->wait);
	relay->retry.data = relay->wait.data = relay->carried.data = relay;
	relay->handles = 3;
	relay->fuse_fd = -EBADF;
	relay->retry_ms = RETRY_FIRST_MS;
	relay->cutter = CUTTER(sizeof(struct fuse_out_header), SERVER_MAX_MESSAGE);
	requests_init(&relay->requests);
	draw_id(relay);
	start_wait(relay);
	*result = take_ptr(relay);
	return 0;
}

int share_relay_use(struct share_relay *relay, int fuse_fd)
{
	_cleanup_close_ int owned = fuse_fd;
	const int flags = fcntl(fuse_fd, F_GETFL);
	int error;

	if (flags < 0 || fcntl(fuse_fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	error = notices_new(fuse_fd, &notices_handlers, relay, &relay->notices);
	if (error)
		return error;
	error = uv_poll_init(relay->options.loop, &relay->poll, fuse_fd);
	if (error) {
		notices_free(take_ptr(relay->notices));
		return error;
	}
	relay->handles++;
	relay->poll.data = relay;
	relay->fuse_fd = take_fd(&owned);
	update_poll(relay);
	return 0;
}

void share_relay_set_echo(struct share_relay *relay, pid_t pid)
{
	relay->echo = pid;
	if (!relay->is_open || relay->is_renewing || relay->is_leaving)
		return;
	tell_echo(relay);
	go_on(relay);
}

void share_relay_echo_done(struct share_relay *relay, uint64_t id)
{
	relay->echo_done = id;
	share_relay_set_echo(relay, relay->echo);
}

static void on_released(uv_handle_t *handle)
{
	struct share_relay *relay = handle->data;

	if (--relay->handles > 0)
		return;
	free(relay->target);
	free(relay->user);
	free(relay->scratch);
	free(relay->init);
	free(relay);
}

void share_relay_free(struct share_relay *relay)
{
	if (!relay)
		return;
	relay->has_ended = true;
	relay->is_leaving = true;
	share_relay_disconnect(relay);
	fail_all(relay, -EIO);
	notices_free(take_ptr(relay->notices));
	requests_clear(&relay->requests);
	uv_close((uv_handle_t *)&relay->retry, on_released);
	uv_close((uv_handle_t *)&relay->wait, on_released);
	uv_close((uv_handle_t *)&relay->carried, on_released);
	if (relay->fuse_fd >= 0) {
		uv_close((uv_handle_t *)&relay->poll, on_released);
		close(relay->fuse_fd);
	}
}

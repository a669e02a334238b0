/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel asks for: read, checked, remembered, and answered where nobody else can. */
#include "shared-folders/relay/relay_internal.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "shared-folders/fuse/check_reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the server has not answered: beyond, the kernel waits, or (by number) is refused. */
#define HELD_MAX_BYTES (8U << 20)
#define HELD_MAX       4096
#define READS_AT_ONCE  32
/* A request that is longer than that keeps the buffer it was read into. */
#define COPY_MAX (64U << 10)

/* The kernel may have no use for it any more. */
void relay_tell_kernel(const struct share_relay *relay, const void *message, size_t length)
{
	if (relay->fuse_fd >= 0 && write(relay->fuse_fd, message, length) < 0 && errno != ENOENT)
		log_debug("the kernel does not take a reply: %s", error_text(errno));
}

void relay_fail_request(const struct share_relay *relay, uint64_t unique, int error)
{
	const struct fuse_out_header header = {
		.len = sizeof(header), .error = error, .unique = unique};

	relay_tell_kernel(relay, &header, sizeof(header));
}

void relay_fail_all(struct share_relay *relay, int error)
{
	for (struct request *request = relay->requests.first; request; request = request->next) {
		if (request->is_silent || request->is_answered)
			continue;
		if (!request->is_ours)
			relay_fail_request(relay, request->expectation.unique, error);
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

/* Is it a process that acts out what the server has told of? The server itself answers it. */
static bool is_of_echo(const struct share_relay *relay, const uint8_t *bytes)
{
	struct fuse_in_header header;

	memcpy(&header, bytes, sizeof(header));
	return relay->echo > 0 && header.pid == (uint32_t)relay->echo;
}

/* Return: was the kernel answered? */
static bool answer_known(const struct share_relay *relay, const uint8_t *bytes, size_t length,
			 const struct fuse_expectation *expectation)
{
	uint8_t reply[sizeof(struct fuse_out_header) + sizeof(struct fuse_entry_out)];
	size_t reply_length;

	if (relay->gave_up || is_of_echo(relay, bytes))
		return false;
	reply_length =
		known_answer(&relay->known, bytes, length, uv_now(relay->options.loop), reply);
	if (!reply_length ||
	    fuse_check_reply(expectation, relay->options.hostile, reply, reply_length) < 0)
		return false;
	relay_tell_kernel(relay, reply, reply_length);
	return true;
}

static int pass_on(struct share_relay *relay, uint8_t *bytes, size_t length)
{
	const uint64_t turn = known_asked(&relay->known, bytes, length, relay->requests.changing);
	const bool is_echo = is_of_echo(relay, bytes);
	int error = requests_add(&relay->requests, bytes, length, false);

	if (!error && !is_echo)
		requests_last(&relay->requests)->turn = turn;
	return error;
}

/* What cannot be sent is answered at once, so that nobody waits. */
static void take_request(struct share_relay *relay, uint8_t *bytes, size_t length)
{
	struct fuse_expectation expectation;
	const bool has_reply = fuse_expect(bytes, length, &expectation);
	int error = 0;

	if (has_reply && answer_known(relay, bytes, length, &expectation)) {
		free(bytes);
		return;
	}
	if (relay->gave_up)
		error = -EIO;
	else if (has_reply && relay->requests.held >= HELD_MAX)
		error = -ENOMEM;
	else if (expectation.opcode == FUSE_INIT)
		error = prepare_init(relay, bytes, length);
	if (error)
		free(bytes);
	else
		error = pass_on(relay, bytes, length);
	if (error && has_reply)
		relay_fail_request(relay, expectation.unique, error);
}

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
		relay_leave(relay);
	if (length < 0)
		return errno == ENOENT || errno == EINTR;
	if ((size_t)length < sizeof(struct fuse_in_header))
		return false;
	bytes = (size_t)length > COPY_MAX ? take_ptr(relay->scratch) : malloc((size_t)length);
	if (!bytes) {
		struct fuse_in_header header;

		memcpy(&header, relay->scratch, sizeof(header));
		relay_fail_request(relay, header.unique, -ENOMEM);
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
		if (relay->requests.unsent)
			relay_go_on(relay);
		/* One that asks one thing after another does not ask again now. */
		if (status >= 0 && relay->requests.held <= 1)
			break;
	}
	relay_go_on(relay);
}

void relay_update_poll(struct share_relay *relay)
{
	const int events = UV_DISCONNECT | (may_read(relay) ? UV_READABLE : 0);

	if (relay->fuse_fd < 0 || relay->is_leaving || events == relay->poll_events)
		return;
	relay->poll_events = events;
	uv_poll_start(&relay->poll, events, on_kernel);
}

int relay_kernel_start(struct share_relay *relay)
{
	int error = uv_poll_init(relay->options.loop, &relay->poll, relay->fuse_fd);

	if (error)
		return error;
	relay->handles++;
	relay->poll.data = relay;
	relay_update_poll(relay);
	return 0;
}

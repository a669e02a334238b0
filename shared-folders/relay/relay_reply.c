/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the server says: replies, checked before the kernel gets them, and notifications. */
#include "shared-folders/relay/relay_internal.h"

#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "shared-folders/fuse/check_reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void relay_complain(struct share_relay *relay, const char *what)
{
	if (!relay->has_complained)
		log_warning("the server of %s sends %s that make no sense", relay->target, what);
	relay->has_complained = true;
}

/* A header and nothing else. Without it the echo's changes are refused, and no event is raised. */
void relay_tell_echo(struct share_relay *relay)
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
	relay_tell_echo(relay);
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
		relay_complain(relay, "replies");
	if (is_init && request->is_ours) {
		renewed(relay, reply, is_good && is_success(reply));
	} else if (!request->is_answered && !request->is_ours) {
		if (is_good) {
			known_replied(&relay->known, request->bytes, request->length, request->turn,
				      reply, length, uv_now(relay->options.loop));
			relay_tell_kernel(relay, reply, length);
		} else
			relay_fail_request(relay, expectation->unique, -EIO);
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
		relay_tell_kernel(relay, header, sizeof(*header));
}

static void take_ahead(struct share_relay *relay, const uint8_t *message, size_t length)
{
	struct fuse_ahead ahead;

	if (length != sizeof(struct fuse_out_header) + sizeof(ahead)) {
		relay_complain(relay, "messages ahead");
		return;
	}
	memcpy(&ahead, message + sizeof(struct fuse_out_header), sizeof(ahead));
	known_told(&relay->known, &ahead, uv_now(relay->options.loop));
}

/* @message: becomes ours */
static void take_notification(struct share_relay *relay, uint8_t *message, size_t length)
{
	if (fuse_check_notification(message, length) < 0) {
		relay_complain(relay, "notifications");
		free(message);
	} else if (!relay->notices) {
		free(message); /* who has not mounted yet has nothing to forget */
	} else if (notices_add(relay->notices, message, length) < 0) {
		relay_complain(relay,
			       "more notifications than it may, or there is no memory: some");
	} else {
		relay->notes_added++;
		return;
	}
	relay->notes_dropped++;
}

void relay_take_message(struct share_relay *relay, uint8_t *message, size_t length)
{
	struct fuse_out_header header;
	struct request *request;

	relay->received++;
	relay->unacknowledged_bytes += length;
	memcpy(&header, message, sizeof(header));
	if (header.unique == 0 && header.error == FUSE_AHEAD) {
		take_ahead(relay, message, length);
		free(message);
		return;
	}
	if (header.unique == 0) {
		known_doubt(&relay->known);
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

void relay_acknowledge(struct share_relay *relay)
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

void relay_on_carried(uv_async_t *async)
{
	struct share_relay *relay = async->data;

	if (relay->is_open && !relay->is_leaving && carried(relay) != relay->notes_said)
		relay_acknowledge(relay);
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

int relay_notices_start(struct share_relay *relay, int fuse_fd)
{
	return notices_new(fuse_fd, &notices_handlers, relay, &relay->notices);
}

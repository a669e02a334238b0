/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Life of a session, and the handshake (protocol/README.md, "Handshake").
 *
 * Each side names its present life by an epoch, a random number. HELLO(own, peer) tells it, and
 * which epoch of the other side it answers (0: none yet). A side is established when it got a
 * HELLO that answers its own epoch, and then has answered the peer's. What arrives before is of
 * another life and is dropped.
 */
#include "protocol/session_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct session *session_new(enum session_role role, const char *software,
			    const char *const *capabilities,
			    const struct session_handlers *handlers, void *owner)
{
	struct session *session = calloc(1, sizeof(*session));

	assert(handlers->established && handlers->lost && handlers->wake && handlers->random);
	if (!session)
		return NULL;
	session->role = role;
	session->software = software;
	session->capabilities = capabilities;
	session->handlers = handlers;
	session->owner = owner;
	return session;
}

void session_free(struct session *session)
{
	if (!session)
		return;
	session->established = false;
	stream_close_all(session, -ECONNRESET);
	byte_queue_clear(&session->control);
	free(session->message);
	free(session);
}

bool session_is_established(const struct session *session)
{
	return session->established;
}

/* An epoch of ours is never 0 and never the one before. */
static void new_epoch(struct session *session)
{
	uint64_t before = session->own_epoch;

	do
		session->own_epoch = session->handlers->random(session->owner);
	while (session->own_epoch == 0 || session->own_epoch == before);
	session->told_peer = 0;
	session->next_id = session->role == SESSION_HOST ? 1 : 2;
	session->last_peer_id = 0;
}

/* Back to before the handshake. `lost` is the last thing that happens here. */
static void end_epoch(struct session *session, int reason)
{
	bool was_established = session->established;

	session->established = false;
	session->peer_epoch = 0;
	byte_queue_clear(&session->control);
	stream_close_all(session, -ECONNRESET);
	new_epoch(session);
	if (was_established && reason)
		session->handlers->lost(session->owner, reason);
}

static void say_hello(struct session *session)
{
	session->hello_due = true;
	session_wake(session);
}

void session_start(struct session *session)
{
	end_epoch(session, 0);
	say_hello(session);
}

void session_disconnected(struct session *session)
{
	session->pipe++;
	session->synced = false;
	session->hello_follows = false;
	session->hello_due = false;
	session->in_length = 0;
	session->in_scanned = 0;
	session->message_length = 0;
	end_epoch(session, -ECONNRESET);
}

void session_violation(struct session *session)
{
	bool was_established = session->established;

	session->synced = false;
	session->hello_follows = false;
	session->message_length = 0;
	if (was_established) {
		say_hello(session);
		end_epoch(session, -EPROTO);
	}
}

/* --- HELLO ---------------------------------------------------------------------------------- */

struct hello {
	uint64_t epoch, peer;
	uint64_t version_min, version_max;
	struct slice role;
	struct slice software;
	struct slice capabilities;
};

static bool hello_decode(struct slice payload, struct hello *hello)
{
	struct cbor_reader reader = CBOR_READER(payload);

	*hello = (struct hello){0};
	for (uint64_t pairs = cbor_get_map(&reader); pairs > 0 && !reader.error; pairs--) {
		struct slice key = cbor_get_text(&reader);

		if (slice_is(key, "epoch")) {
			hello->epoch = cbor_get_uint(&reader);
		} else if (slice_is(key, "peer")) {
			hello->peer = cbor_get_uint(&reader);
		} else if (slice_is(key, "versions")) {
			if (cbor_get_array(&reader) != 2)
				return false;
			hello->version_min = cbor_get_uint(&reader);
			hello->version_max = cbor_get_uint(&reader);
		} else if (slice_is(key, "role")) {
			hello->role = cbor_get_text(&reader);
		} else if (slice_is(key, "software")) {
			hello->software = cbor_get_text(&reader);
		} else if (slice_is(key, "capabilities")) {
			hello->capabilities = cbor_get_raw(&reader);
		} else {
			cbor_skip(&reader);
		}
	}
	return cbor_finish(&reader) == 0 && hello->epoch != 0 &&
	       hello->version_min <= hello->version_max;
}

bool session_peer_has(const struct session_peer *peer, const char *capability)
{
	struct cbor_reader reader = CBOR_READER(peer->capabilities);

	for (uint64_t left = cbor_get_array(&reader); left > 0 && !reader.error; left--) {
		if (slice_is(cbor_get_text(&reader), capability))
			return !reader.error;
	}
	return false;
}

void session_on_hello(struct session *session, struct slice payload)
{
	const char *other = session->role == SESSION_HOST ? "guest" : "host";
	struct session_peer peer;
	struct hello hello;

	if (!hello_decode(payload, &hello) || !slice_is(hello.role, other)) {
		session_violation(session);
		return;
	}
	if (session->own_epoch == 0)
		new_epoch(session);

	if (hello.peer != session->own_epoch) {
		/* The peer's word to an earlier life of ours says nothing to this one. */
		if (session->established && hello.peer != 0)
			return;
		if (session->established)
			end_epoch(session, -ECONNRESET);
		session->peer_epoch = hello.epoch;
		say_hello(session);
		return;
	}

	/* It answers this epoch of ours. */
	if (session->established && hello.epoch == session->peer_epoch)
		return;
	if (hello.version_min > SESSION_VERSION || hello.version_max < 1) {
		session->handlers->lost(session->owner, -EPROTONOSUPPORT);
		return;
	}
	if (session->established) {
		/* A new life of the peer that has read our HELLO to the one before. */
		uint64_t epoch = session->own_epoch;

		end_epoch(session, -ECONNRESET);
		session->own_epoch = epoch;
	}
	session->peer_epoch = hello.epoch;
	session->established = true;
	if (session->told_peer != hello.epoch)
		say_hello(session);
	peer = (struct session_peer){
		.version = SESSION_VERSION,
		.software = hello.software,
		.capabilities = hello.capabilities,
	};
	session->handlers->established(session->owner, &peer);
}

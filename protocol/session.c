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
#include <sys/random.h>
#include <time.h>

static uint32_t first_id(enum session_role role)
{
	return role == SESSION_HOST ? 1 : 2;
}

struct session *session_new(enum session_role role, const char *software,
			    const char *const *capabilities,
			    const struct session_handlers *handlers, void *owner)
{
	struct session *session = calloc(1, sizeof(*session));

	assert(handlers->wake);
	if (!session)
		return NULL;
	session->role = role;
	session->software = software;
	session->capabilities = capabilities;
	session->handlers = handlers;
	session->owner = owner;
	session->next_id = first_id(role);
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

/* 0 says "none", and no HELLO could carry the sync word within. */
static bool epoch_is_valid(uint64_t epoch)
{
	uint64_t encoded = htobe64(epoch);

	return epoch != 0 && memcmp(&encoded, sync_word, SYNC_WORD_SIZE) != 0;
}

static uint64_t kernel_random(void)
{
	struct timespec now;
	uint64_t value = 0;

	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) == sizeof(value))
		return value;
	/* Early in boot the pool may not be ready; the clock is better than waiting for it. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* An epoch of ours, which is not the one before. */
static uint64_t fresh_epoch(struct session *session)
{
	uint64_t epoch;

	do
		epoch = session->handlers->random ? session->handlers->random(session->owner)
						  : kernel_random();
	while (!epoch_is_valid(epoch) || epoch == session->own_epoch);
	return epoch;
}

static void tell_lost(struct session *session, int reason)
{
	if (session->handlers->lost)
		session->handlers->lost(session->owner, reason);
}

/*
 * Back to before the handshake, in our epoch @own_epoch. All is as it shall be before the first
 * handler is called, since a handler may begin anew. @reason: for `lost`, or 0.
 */
static void begin(struct session *session, uint64_t own_epoch, bool say_hello, int reason)
{
	bool was_established = session->established;

	session->established = false;
	session->own_epoch = own_epoch;
	session->peer_epoch = 0;
	session->told_peer = 0;
	session->hello_due = say_hello;
	session->next_id = first_id(session->role);
	session->last_peer_id = 0;
	byte_queue_clear(&session->control);
	stream_close_all(session, -ECONNRESET);
	if (was_established && reason)
		tell_lost(session, reason);
	session_wake(session);
}

void session_start(struct session *session)
{
	begin(session, fresh_epoch(session), true, 0);
}

void session_disconnected(struct session *session)
{
	session->pipe++;
	session->synced = false;
	session->hello_follows = false;
	session->in_length = 0;
	session->in_scanned = 0;
	session->message_length = 0;
	session->awake = false;
	begin(session, fresh_epoch(session), false, -ECONNRESET);
}

void session_give_up(struct session *session, int reason)
{
	begin(session, fresh_epoch(session), true, reason);
}

void session_violation(struct session *session)
{
	session->synced = false;
	session->hello_follows = false;
	session->message_length = 0;
	if (!session->established)
		return;
	session->violated = true;
	session_give_up(session, -EPROTO);
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
	return cbor_finish(&reader) == 0 && epoch_is_valid(hello->epoch) &&
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

static void answer_hello(struct session *session, uint64_t peer_epoch)
{
	session->peer_epoch = peer_epoch;
	session->hello_due = true;
	session_wake(session);
}

/* HELLO(hello->epoch, ours): the peer has heard this epoch of ours. */
static void on_answer(struct session *session, const struct hello *hello)
{
	const struct session_peer peer = {
		.version = SESSION_VERSION,
		.software = hello->software,
		.capabilities = hello->capabilities,
	};
	uint64_t own_epoch = session->own_epoch;

	if (session->established && hello->epoch == session->peer_epoch)
		return;
	/* A new life of the peer, which has read our HELLO to the one before: that one has ended.
	 */
	if (session->established)
		begin(session, own_epoch, false, -ECONNRESET);
	if (session->own_epoch != own_epoch)
		return; /* `lost` began anew */
	if (session->told_peer != hello->epoch)
		answer_hello(session, hello->epoch);
	if (hello->version_min > SESSION_VERSION || hello->version_max < 1) {
		tell_lost(session, -EPROTONOSUPPORT);
		return;
	}
	session->peer_epoch = hello->epoch;
	session->established = true;
	if (session->handlers->established)
		session->handlers->established(session->owner, &peer);
}

void session_on_hello(struct session *session, struct slice payload)
{
	const char *other = session->role == SESSION_HOST ? "guest" : "host";
	struct hello hello;

	if (!hello_decode(payload, &hello) || !slice_is(hello.role, other)) {
		session_violation(session);
		return;
	}
	if (session->own_epoch == 0)
		session->own_epoch = fresh_epoch(session);
	if (hello.peer == session->own_epoch) {
		on_answer(session, &hello);
		return;
	}
	if (session->established) {
		uint64_t own_epoch = fresh_epoch(session);

		/* What it once said to an earlier life of ours says nothing to this one. */
		if (hello.epoch == session->peer_epoch && hello.peer != 0)
			return;
		/* The peer starts anew. What we said to it before must not count for what follows,
		 * so we do, too. */
		begin(session, own_epoch, false, -ECONNRESET);
		if (session->own_epoch != own_epoch)
			return; /* `lost` began anew */
	}
	answer_hello(session, hello.epoch);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session - many streams over one untrusted, unreliable-to-hang-up byte pipe
 *
 * A library without I/O and without a clock: bytes of the peer go in by session_receive(), bytes
 * for the peer come out of session_output(), what they mean arrives as handler calls. The same code
 * is both ends of the agent's port, of lodge-vmm's control socket and of a client's connection
 * through lodged. protocol/README.md is the normative text.
 *
 * Handlers may call any function here except session_receive() and session_free() of the same
 * session. Not thread-safe: one session, one thread.
 *
 * Streams. A request opens a stream. The responder ends it with stream_reply() or stream_fail(),
 * always, also after a cancel; in between both sides may send messages and DATA on its channels.
 * A stream pointer is valid until: its `closed` handler has returned, or this side (the responder)
 * has ended it.
 *
 * Credit. DATA is sent only against credit that the receiver granted; each channel starts with
 * SESSION_WINDOW bytes. What `data` delivered must be given back with stream_consumed() when it has
 * gone on, else the peer stops. A peer that overdraws breaks the session.
 */
#ifndef LODGE_PROTOCOL_SESSION_H
#define LODGE_PROTOCOL_SESSION_H

#include "protocol/cbor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SESSION_WINDOW	    (256 * 1024)
#define SESSION_MAX_STREAMS 128 /* open at once, counting each side's requests apart */
#define SESSION_VERSION	    1

struct session;
struct stream;

enum session_role {
	SESSION_HOST,  /* opens odd stream ids: lodged to a guest, a client to lodged */
	SESSION_GUEST, /* opens even stream ids: the agent, lodge-vmm, lodged to a client */
};

/* What a peer says of itself in its HELLO; slices live during the call only. */
struct session_peer {
	unsigned int version;	   /* agreed: the highest both speak */
	struct slice software;	   /* "lodge-agent 0.1.0" */
	struct slice capabilities; /* encoded CBOR array of texts; session_peer_has() reads it */
};

bool session_peer_has(const struct session_peer *peer, const char *capability);

struct session_handlers {
	/* The handshake is complete; requests may be made. Also called for each new epoch. NULL:
	 * nobody is told. */
	void (*established)(void *owner, const struct session_peer *peer);
	/* The epoch is over (@reason: -ECONNRESET the peer starts anew, -EPROTO it broke the
	 * rules, -ENOMEM); every stream has had its `closed`, and a new handshake is under way
	 * (unless session_disconnected() was called). -EPROTONOSUPPORT: no version in common, also
	 * when nothing was established. NULL: nobody is told. */
	void (*lost)(void *owner, int reason);
	/* The peer asks. Answer now or later by stream_reply() or stream_fail(). To take part in
	 * what follows, call stream_set_handlers() now. NULL: everything is refused with ENOSYS. */
	void (*request)(void *owner, struct stream *stream, struct slice method,
			struct slice params);
	/* NULL: events are ignored. */
	void (*event)(void *owner, struct slice name, struct slice params);
	void (*pong)(void *owner, uint64_t cookie);
	/* There is output where there was none. Of this session it may call session_output() alone.
	 * What session_receive() causes is told once, at its end. */
	void (*wake)(void *owner);
	/* Eight bytes that no peer can guess: the epochs. NULL: the kernel's. */
	uint64_t (*random)(void *owner);
};

/* How a stream ended, for its requester; or why it is no more, for its responder. */
struct stream_result {
	int error; /* 0; or negative errno: the peer's, -ECONNRESET if the session ended */
	struct slice params; /* error 0: the reply's map */
	struct slice text;   /* else: the peer's words, untrusted UTF-8, maybe empty */
};

/* Any of them may be NULL: then the thing is ignored (DATA: consumed at once). */
struct stream_handlers {
	void (*message)(struct stream *stream, void *owner, struct slice name, struct slice params);
	void (*data)(struct stream *stream, void *owner, unsigned int channel, struct slice bytes);
	/* The peer sends no more on @channel. */
	void (*end)(struct stream *stream, void *owner, unsigned int channel);
	/* @bytes more may be sent on @channel. */
	void (*credit)(struct stream *stream, void *owner, unsigned int channel, size_t bytes);
	/* Responder only: the requester wants no more; end the stream soon. NULL: failed at once
	 * with ECANCELED, and `closed` is called. */
	void (*cancelled)(struct stream *stream, void *owner);
	/* The stream is gone. Requester: reply, error or session end. Responder: session end only.
	 */
	void (*closed)(struct stream *stream, void *owner, const struct stream_result *result);
};

/**
 * session_new() - a session that has not begun
 * @role:	which end this is
 * @software:	name and version for the HELLO; constant
 * @capabilities: NULL-terminated list of constants
 * @handlers:	constant; established, lost and wake must be there
 * @owner:	given to each handler
 *
 * Return: the session, freed by session_free(); NULL without memory.
 */
struct session *session_new(enum session_role role, const char *software,
			    const char *const *capabilities,
			    const struct session_handlers *handlers, void *owner);

/* Ends all streams (`closed` with -ECONNRESET) without `lost`, and frees. NULL is fine. */
void session_free(struct session *session);

/**
 * session_start() - begin a new epoch: say HELLO
 *
 * Call it when the pipe opens, and again when no answer came for a while. Open streams are closed,
 * unsent output is dropped. A session that was never started still answers a peer's HELLO.
 */
void session_start(struct session *session);

/* The pipe is gone: closes streams and drops output; `lost` is called if it was established. */
void session_disconnected(struct session *session);

bool session_is_established(const struct session *session);

/**
 * session_receive() - take bytes of the peer, all of them
 *
 * Return: 0; -EPROTO when the peer broke the rules: the epoch has ended, and bytes are discarded
 * until the peer says HELLO again (the caller may also hang up).
 */
int session_receive(struct session *session, const void *bytes, size_t length);

/**
 * session_output() - take bytes for the peer
 * @bytes:	receives them
 * @capacity:	at least FRAME_HEADER_SIZE + 4096
 *
 * Control frames go first, then DATA of all streams in turn. What was taken must be delivered in
 * order, all of it.
 *
 * Return: number of bytes; 0 when there is nothing to send.
 */
size_t session_output(struct session *session, void *bytes, size_t capacity);
bool session_has_output(const struct session *session);

/* The peer answers with `pong`. */
int session_ping(struct session *session, uint64_t cookie);

/* -ENOTCONN, or -EMSGSIZE if it does not fit; -ENOBUFS if the peer takes no output. */
int session_event(struct session *session, const char *name, struct slice params);

/**
 * session_request() - open a stream
 * @method:	its name
 * @params:	encoded CBOR map (empty slice: an empty map)
 * @handlers:	constant, for this stream; closed must be there
 * @owner:	given to each of them
 * @stream:	set on success; may be NULL
 *
 * Return: 0; -ENOTCONN; -EMFILE with SESSION_MAX_STREAMS open (or when all 2^31 ids of the epoch
 * are used up); -EMSGSIZE; -ENOBUFS if the peer takes no output; -ENOMEM. On failure no handler is
 * called.
 */
int session_request(struct session *session, struct slice method, struct slice params,
		    const struct stream_handlers *handlers, void *owner, struct stream **stream);

void stream_set_handlers(struct stream *stream, const struct stream_handlers *handlers,
			 void *owner);
void *stream_owner(const struct stream *stream);
struct session *stream_session(const struct stream *stream);

/* Responder: the end. Unsent DATA goes before it. @params: encoded CBOR map, empty: empty map.
 * -EMSGSIZE: it did not fit and the stream was failed with that instead. */
int stream_reply(struct stream *stream, struct slice params);
/* @error: errno, of either sign; @text: words for people, may be NULL. */
void stream_fail(struct stream *stream, int error, const char *text);

/* Requester: ask for the end. Unsent DATA is dropped; `closed` still comes. Repeats do nothing. */
void stream_cancel(struct stream *stream);

/* -EMSGSIZE; -ENOBUFS if the peer takes no output; -EPIPE on a cancelled or ended stream. */
int stream_message(struct stream *stream, struct slice name, struct slice params);

/**
 * stream_send() - send DATA
 *
 * Copies as much of @bytes as credit allows; the rest is to be offered again after `credit`.
 *
 * Return: bytes taken (0 without credit); -EPIPE after stream_end() or a cancel; -ENOMEM.
 */
ssize_t stream_send(struct stream *stream, unsigned int channel, const void *bytes, size_t length);
size_t stream_credit(const struct stream *stream, unsigned int channel);
/* No more from this side on @channel; goes out behind what was sent. */
void stream_end(struct stream *stream, unsigned int channel);

/* @bytes that `data` delivered have gone on: the peer may send as many more. */
void stream_consumed(struct stream *stream, unsigned int channel, size_t bytes);

#endif

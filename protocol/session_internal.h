/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session_internal - what the files of the session share
 *
 *	session.c	life, handshake, epochs
 *	receive.c	bytes of the peer -> frames -> handlers
 *	output.c	what is to be sent, in which order
 *	stream.c	the requests, messages and DATA of one stream
 *
 * Memory of a session is bounded by: one frame being received (64 KiB), one message being put
 * together (64 KiB), control frames not yet taken (SESSION_CONTROL_MAX and one final frame a
 * stream), and SESSION_WINDOW of DATA for each channel of each stream.
 */
#ifndef LODGE_PROTOCOL_SESSION_INTERNAL_H
#define LODGE_PROTOCOL_SESSION_INTERNAL_H

#include "protocol/base/bytes.h"
#include "protocol/frame.h"
#include "protocol/session.h"

#define SESSION_CONTROL_MAX (256 * 1024)
#define SESSION_DATA_CHUNK  (32 * 1024)
#define SESSION_HELLO_MAX   2048
/* Credit is returned in portions, so that it costs few frames; a sender never waits for the rest.
 */
#define SESSION_CREDIT_PORTION (SESSION_WINDOW / 4)

/* Bytes waiting to go out: appended behind, taken in front. */
struct byte_queue {
	uint8_t *bytes;
	size_t start, length, capacity;
};

int byte_queue_append(struct byte_queue *queue, const void *bytes, size_t length);
void byte_queue_take(struct byte_queue *queue, size_t length);
void byte_queue_clear(struct byte_queue *queue);

struct channel {
	size_t send_credit;    /* the peer welcomes so many more */
	size_t receive_window; /* we welcome so many more */
	size_t credit_due;     /* consumed here, not yet told */
	struct byte_queue pending;
	bool end_wanted, end_sent, end_received;
};

struct stream {
	struct session *session;
	struct stream *previous, *next;
	uint32_t id;
	bool ours;	/* we are the requester */
	bool cancelled; /* the requester wants no more */
	bool ended;	/* responder: final is waiting for pending DATA; the owner is gone */
	struct byte_queue final; /* framed REPLY or ERROR */
	const struct stream_handlers *handlers;
	void *owner;
	struct channel channel[FRAME_CHANNELS];
};

struct session {
	enum session_role role;
	const char *software;
	const char *const *capabilities;
	const struct session_handlers *handlers;
	void *owner;

	/* The handshake. */
	uint64_t own_epoch;
	uint64_t peer_epoch; /* 0: not known */
	uint64_t told_peer;  /* the peer epoch in the last HELLO that we sent */
	bool hello_due;
	bool established;

	/* Receiving. */
	bool synced;	    /* frames can be told apart */
	bool hello_follows; /* the sync word was just seen */
	unsigned int pipe;  /* counts disconnects: a handler may have caused one */
	size_t in_length, in_scanned;
	uint8_t in[FRAME_HEADER_SIZE + FRAME_MAX_PAYLOAD];
	uint8_t *message; /* pieces so far; FRAME_MAX_MESSAGE bytes while there are any */
	size_t message_length;
	struct frame_header message_header;

	/* Sending. */
	bool awake; /* `wake` was called and the output not yet found empty */
	struct byte_queue control;
	struct stream *turn; /* whose DATA goes next */

	/* Streams of both sides, oldest first. */
	struct stream *first, *last;
	unsigned int open_ours, open_theirs;
	uint32_t next_id;      /* ours */
	uint32_t last_peer_id; /* highest that the peer opened */
};

/* session.c */
void session_on_hello(struct session *session, struct slice payload);
/* The peer broke the rules: ends the epoch, and says HELLO for a new one. */
void session_violation(struct session *session);

/* output.c */
void session_wake(struct session *session);
/* Frames a control payload, in pieces where it holds the sync word. @limit: 0, or the most that may
 * be waiting. -ENOBUFS, -ENOMEM. */
int session_queue_frame(struct session *session, struct byte_queue *queue, enum frame_type type,
			uint32_t stream, struct slice first, struct slice second, size_t limit);

/* stream.c */
struct stream *stream_find(struct session *session, uint32_t id);
struct stream *stream_add(struct session *session, uint32_t id, bool ours);
/* No longer found; the memory stays until stream_destroy(), so that a handler may look at it. */
void stream_unlink(struct stream *stream);
void stream_destroy(struct stream *stream);
/* Ends every stream with @error; `closed` of each is called. */
void stream_close_all(struct session *session, int error);

#endif

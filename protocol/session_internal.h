/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session_internal - what the files of the session share
 *
 *	session.c	life, handshake, epochs
 *	receive.c	bytes of the peer -> frames -> handlers
 *	output.c	what is to be sent, in which order
 *	stream.c	the requests, messages and DATA of one stream
 *
 * Memory of a session is bounded, whatever the peer does: one frame being received and one message
 * being put together (64 KiB each), control frames not yet taken (SESSION_CONTROL_MAX), and for
 * each of at most 2 * SESSION_MAX_STREAMS streams its last frame (64 KiB) and SESSION_WINDOW of
 * DATA a channel, if this side wanted to send so much.
 */
#ifndef LODGE_PROTOCOL_SESSION_INTERNAL_H
#define LODGE_PROTOCOL_SESSION_INTERNAL_H

#include "protocol/base/bytes.h"
#include "protocol/byte_queue.h"
#include "protocol/frame.h"
#include "protocol/session.h"

#define SESSION_CONTROL_MAX (256 * 1024)
#define SESSION_DATA_CHUNK  (32 * 1024)
/* Credit is returned in portions, so that it costs few frames; a sender never waits for the rest.
 */
#define SESSION_CREDIT_PORTION (SESSION_WINDOW / 4)

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
	bool ours;	 /* we are the requester */
	bool cancelled;	 /* the requester wants no more */
	bool cancel_due; /* and is still to say so */
	bool ended;	 /* responder: final is waiting for pending DATA; the owner is gone */
	struct byte_queue final; /* framed REPLY or ERROR */
	const struct stream_handlers *handlers;
	void *owner;
	unsigned int turn; /* the channel whose DATA goes next */
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
	bool receiving;	    /* inside session_receive() */
	bool violated;	    /* the peer broke the rules in what is being received */
	bool synced;	    /* frames can be told apart */
	bool hello_follows; /* the sync word was just seen */
	unsigned int pipe;  /* counts disconnects: a handler may have caused one */
	size_t in_length, in_scanned;
	uint8_t in[FRAME_HEADER_SIZE + FRAME_MAX_PAYLOAD];
	uint8_t *message; /* pieces so far: FRAME_MAX_MESSAGE bytes, once there was one in pieces */
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
/* This side cannot go on: ends the epoch with @reason, and says HELLO for a new one. */
void session_give_up(struct session *session, int reason);

/* output.c */
/* Calls `wake` if there is output where there was none; while receiving, later. */
void session_wake(struct session *session);
/* Frames a control payload, in pieces where it holds the sync word. @limit: 0, or the most that may
 * be waiting. -EMSGSIZE, -ENOBUFS, -ENOMEM. */
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
/* The map of an ERROR frame in @bytes. */
#define STREAM_ERROR_SIZE 512
struct slice stream_error_map(int error, const char *text, uint8_t bytes[STREAM_ERROR_SIZE]);

#endif

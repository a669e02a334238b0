/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * frame - the units on the wire (protocol/README.md, "Framing")
 *
 *	offset 0  u8   type
 *	       1  u8   flags
 *	       2  u8   channel
 *	       3  u8   zero
 *	       4  u32  stream (little-endian)
 *	       8  u32  length of the payload (little-endian), at most FRAME_MAX_PAYLOAD
 *	      12  payload
 *
 * Eight bytes, the sync word, stand before each HELLO and occur nowhere else on the wire: a header
 * cannot hold them (its first, fourth and last bytes are always below 0x20), and a payload that
 * does is sent as two frames, cut inside the word, the first with FRAME_MORE (DATA is bytes without
 * bounds anyhow and needs no mark). So a receiver that finds the word knows that its peer starts
 * anew, even in what it took for a payload.
 */
#ifndef LODGE_PROTOCOL_FRAME_H
#define LODGE_PROTOCOL_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER_SIZE 12
#define FRAME_MAX_PAYLOAD 65536
/* A control message (every type but DATA) in all its pieces. */
#define FRAME_MAX_MESSAGE 65536
/* A HELLO, which is never sent in pieces. */
#define FRAME_MAX_HELLO 2048

#define SYNC_WORD_SIZE 8
extern const uint8_t sync_word[SYNC_WORD_SIZE]; /* F7 4C 6F 64 67 65 FA FD */

enum frame_type {
	FRAME_HELLO = 1,   /* after a sync word; stream 0; CBOR hello */
	FRAME_REQUEST = 2, /* opens a stream; CBOR text method, CBOR map parameters */
	FRAME_REPLY = 3,   /* ends a stream; CBOR map result */
	FRAME_ERROR = 4,   /* ends a stream; CBOR map error */
	FRAME_CANCEL = 5,  /* the requester wants no more; the responder still ends the stream */
	FRAME_MESSAGE = 6, /* within a stream, either way; CBOR text name, CBOR map */
	FRAME_DATA = 7,	   /* raw bytes on one channel of a stream; costs credit */
	FRAME_END = 8,	   /* no more DATA on this channel from this side */
	FRAME_CREDIT = 9,  /* u32: so many more bytes of DATA are welcome on this channel */
	FRAME_EVENT = 10,  /* stream 0; CBOR text name, CBOR map */
	FRAME_PING = 11,   /* stream 0; 8 bytes to be sent back */
	FRAME_PONG = 12,   /* stream 0; the 8 bytes */
};

#define FRAME_MORE 0x01 /* the payload goes on in the next frame of this stream and type */

/* At most so many channels a stream: 0 standard input, 1 standard output, 2 standard error. */
#define FRAME_CHANNELS 3

struct frame_header {
	uint8_t type;
	uint8_t flags;
	uint8_t channel;
	uint32_t stream;
	uint32_t length;
};

/**
 * frame_header_encode() - write a header
 * @header:	fields within their limits (asserted: they are ours)
 * @bytes:	receives FRAME_HEADER_SIZE bytes
 */
void frame_header_encode(const struct frame_header *header, uint8_t bytes[FRAME_HEADER_SIZE]);

/**
 * frame_header_decode() - read and check a header
 * @bytes:	FRAME_HEADER_SIZE bytes of a peer
 * @header:	set on success only
 *
 * Return: 0; -EBADMSG if any field is outside what this version knows.
 */
int frame_header_decode(const uint8_t bytes[FRAME_HEADER_SIZE], struct frame_header *header);

/**
 * frame_find_sync() - where the sync word stands in @bytes
 *
 * Return: its offset; @length if it is not there.
 */
size_t frame_find_sync(const uint8_t *bytes, size_t length);

#endif

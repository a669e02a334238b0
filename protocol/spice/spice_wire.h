/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_wire - messages of the SPICE dialect as bytes, both ways
 *
 * A port carries chunks (VDIChunkHeader: whom it is for, how long), their contents carry messages
 * (VDAgentMessage). A chunk has at most 2048 bytes, say servers and clients; spice-vdagentd puts
 * each message into one. A library without I/O: bytes go in by spice_wire_receive(), come out of
 * the queue `out`. A message's memory grows with what has come, never by what its header says;
 * those that are longer than wanted pass by unread.
 */
#ifndef LODGE_PROTOCOL_SPICE_WIRE_H
#define LODGE_PROTOCOL_SPICE_WIRE_H

#include "protocol/byte_queue.h"
#include "protocol/spice/spice.h"

#define SPICE_CHUNK_MAX	 2048		/* that are sent (VD_AGENT_MAX_DATA_SIZE) */
#define SPICE_CHUNK_READ (512U << 20)	/* that are understood */
#define SPICE_OUTPUT_MAX (192ULL << 20) /* bytes that may wait */

enum spice_port {
	SPICE_CLIENT_PORT = 1,
	SPICE_SERVER_PORT = 2,
	SPICE_PORTS = 2,
};

struct spice_wire_handlers {
	/* The longest message of that type that is wanted. */
	uint32_t (*most)(void *owner, uint32_t type);
	void (*message)(void *owner, uint32_t type, struct slice payload);
	/* It was longer, and has passed by. @start: its first bytes, at most 64. */
	void (*skipped)(void *owner, uint32_t type, struct slice start);
};

struct spice_message {
	uint8_t header[20];
	size_t header_length;
	uint32_t type, size, received;
	bool skip;
	uint8_t *bytes;
	size_t capacity;
};

/* All of it is the library's but `out`, from whose front bytes are taken. */
struct spice_wire {
	const struct spice_wire_handlers *handlers;
	void *owner;
	uint8_t chunk[8];
	size_t chunk_length;
	uint32_t port, left; /* of the chunk */
	struct spice_message message[SPICE_PORTS];
	bool broken;
	struct byte_queue out;
};

void spice_wire_init(struct spice_wire *wire, const struct spice_wire_handlers *handlers,
		     void *owner);
/* Begin anew: the peer has come again. Output is dropped. */
void spice_wire_reset(struct spice_wire *wire);

/* 0; -EPROTO: that is no such dialect, and nothing is read any more until it is reset; -ENOMEM,
 * likewise. Handlers may send, not reset. */
int spice_wire_receive(struct spice_wire *wire, const void *bytes, size_t length);

/* What has come ends within a message, or within what precedes one. */
bool spice_wire_is_within(const struct spice_wire *wire);

/* One message of two parts. 0; -EMSGSIZE; -ENOBUFS: too much waits; -ENOMEM. */
int spice_wire_send(struct spice_wire *wire, enum spice_port port, enum spice_type type,
		    struct slice head, struct slice body);

#endif

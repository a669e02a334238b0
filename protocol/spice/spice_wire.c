/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/spice/spice_wire.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

#define CHUNK_HEADER   8
#define MESSAGE_HEADER 20
#define PROTOCOL       1 /* VD_AGENT_PROTOCOL */
#define SKIPPED_START  64

void spice_wire_init(struct spice_wire *wire, const struct spice_wire_handlers *handlers,
		     void *owner)
{
	*wire = (struct spice_wire){.handlers = handlers, .owner = owner};
}

static void message_clear(struct spice_message *message)
{
	free(message->bytes);
	*message = (struct spice_message){0};
}

void spice_wire_reset(struct spice_wire *wire)
{
	for (size_t i = 0; i < SPICE_PORTS; i++)
		message_clear(&wire->message[i]);
	byte_queue_clear(&wire->out);
	spice_wire_init(wire, wire->handlers, wire->owner);
}

/* --- Receiving ------------------------------------------------------------------------------ */

/* Moves up to @wanted - *@filled bytes; true: all of it is there. */
static bool fill(uint8_t *to, size_t *filled, size_t wanted, struct slice *from)
{
	const size_t length = MIN(wanted - *filled, from->length);

	memcpy(to + *filled, from->bytes, length);
	*filled += length;
	from->bytes += length;
	from->length -= length;
	return *filled == wanted;
}

static int grow(struct spice_message *message, size_t wanted)
{
	size_t capacity;
	uint8_t *bytes;

	if (wanted == 0 || wanted <= message->capacity)
		return 0;
	capacity = MAX(wanted, MIN(message->capacity * 2, (size_t)message->size));
	bytes = realloc(message->bytes, capacity);
	if (!bytes)
		return -ENOMEM;
	message->bytes = bytes;
	message->capacity = capacity;
	return 0;
}

static int begin_message(const struct spice_wire *wire, struct spice_message *message)
{
	if (load_le32(message->header) != PROTOCOL)
		return -EPROTO;
	message->type = load_le32(message->header + 4);
	message->size = load_le32(message->header + 16);
	message->received = 0;
	message->skip = message->size > wire->handlers->most(wire->owner, message->type);
	return 0;
}

static void end_message(const struct spice_wire *wire, struct spice_message *message)
{
	const struct slice payload = {
		message->bytes,
		message->skip ? MIN(message->size, SKIPPED_START) : message->size,
	};

	if (message->skip)
		wire->handlers->skipped(wire->owner, message->type, payload);
	else
		wire->handlers->message(wire->owner, message->type, payload);
	message_clear(message);
}

/* Bytes of a message, whatever chunks they came in. */
static int take_content(const struct spice_wire *wire, struct spice_message *message,
			struct slice content)
{
	int error;

	/* A message may be empty: it ends with its header. */
	while (content.length) {
		size_t length, kept;

		if (message->header_length < MESSAGE_HEADER) {
			if (!fill(message->header, &message->header_length, MESSAGE_HEADER,
				  &content))
				return 0;
			error = begin_message(wire, message);
			if (error)
				return error;
		}
		length = MIN(content.length, (size_t)(message->size - message->received));
		kept = message->skip ? MIN(length, (size_t)SKIPPED_START -
							   MIN(message->received, SKIPPED_START))
				     : length;
		error = grow(message, (size_t)message->received + kept);
		if (error)
			return error;
		if (kept)
			memcpy(message->bytes + message->received, content.bytes, kept);
		content.bytes += length;
		content.length -= length;
		message->received += (uint32_t)length;
		if (message->received == message->size)
			end_message(wire, message);
	}
	return 0;
}

static int take_some(struct spice_wire *wire, struct slice *bytes)
{
	struct slice content;

	if (wire->chunk_length < CHUNK_HEADER) {
		if (!fill(wire->chunk, &wire->chunk_length, CHUNK_HEADER, bytes))
			return 0;
		wire->port = load_le32(wire->chunk);
		wire->left = load_le32(wire->chunk + 4);
		if (wire->port < SPICE_CLIENT_PORT || wire->port > SPICE_SERVER_PORT ||
		    wire->left > SPICE_CHUNK_READ)
			return -EPROTO;
	}
	content = (struct slice){bytes->bytes, MIN(bytes->length, (size_t)wire->left)};
	bytes->bytes += content.length;
	bytes->length -= content.length;
	wire->left -= (uint32_t)content.length;
	if (wire->left == 0)
		wire->chunk_length = 0;
	return take_content(wire, &wire->message[wire->port - 1], content);
}

int spice_wire_receive(struct spice_wire *wire, const void *bytes, size_t length)
{
	struct slice left = {bytes, length};
	int error = wire->broken ? -EPROTO : 0;

	while (left.length && !error)
		error = take_some(wire, &left);
	if (error)
		wire->broken = true;
	return error;
}

bool spice_wire_is_within(const struct spice_wire *wire)
{
	bool within = wire->chunk_length > 0;

	for (size_t i = 0; i < SPICE_PORTS; i++)
		within |= wire->message[i].header_length > 0;
	return within;
}

/* --- Sending -------------------------------------------------------------------------------- */

/* The next up to @length bytes of the parts, in order. */
static int append_parts(struct byte_queue *out, struct slice *parts, size_t count, size_t length)
{
	for (size_t i = 0; i < count && length; i++) {
		const size_t some = MIN(parts[i].length, length);
		const int error = some ? byte_queue_append(out, parts[i].bytes, some) : 0;

		if (error)
			return error;
		parts[i].bytes += some;
		parts[i].length -= some;
		length -= some;
	}
	return 0;
}

int spice_wire_send(struct spice_wire *wire, enum spice_port port, enum spice_type type,
		    struct slice head, struct slice body)
{
	uint8_t header[MESSAGE_HEADER] = {0}, chunk[CHUNK_HEADER];
	struct slice parts[] = {{header, sizeof(header)}, head, body};
	const uint64_t size = (uint64_t)head.length + body.length;
	uint64_t left = size + sizeof(header);

	if (head.length > UINT32_MAX || body.length > UINT32_MAX || size > UINT32_MAX)
		return -EMSGSIZE;
	if (wire->out.length + left + left / SPICE_CHUNK_MAX * CHUNK_HEADER > SPICE_OUTPUT_MAX)
		return -ENOBUFS;
	store_le32(header, PROTOCOL);
	store_le32(header + 4, type);
	store_le32(header + 16, (uint32_t)size);
	while (left) {
		const size_t some = (size_t)MIN(left, (uint64_t)SPICE_CHUNK_MAX);

		store_le32(chunk, port);
		store_le32(chunk + 4, (uint32_t)some);
		if (byte_queue_append(&wire->out, chunk, sizeof(chunk)) < 0 ||
		    append_parts(&wire->out, parts, ARRAY_SIZE(parts), some) < 0) {
			/* Half of a message is out: what follows could not be understood. */
			wire->broken = true;
			return -ENOMEM;
		}
		left -= some;
	}
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * WebSocket as a layer: what is sent becomes binary frames, one a call; pings are answered, unless
 * the peer does not read the answers.
 */
#include "host/screen/link_layer.h"
#include "host/screen/websocket.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

#define MAX_QUEUED_FOR_PONG (1U << 20)

struct websocket_layer {
	struct link_layer layer;
	struct websocket websocket;
	bool closing; /* our close frame was sent */
};

static int send_frame(struct websocket_layer *layer, enum websocket_opcode opcode,
		      const void *bytes, size_t length)
{
	uint8_t header[WEBSOCKET_MAX_HEADER];
	int result;

	if (layer->closing)
		return -EPIPE;
	layer->closing = opcode == WEBSOCKET_CLOSE;
	result = link_send_below(&layer->layer, header, websocket_header(header, opcode, length));
	if (result == 0 && length)
		result = link_send_below(&layer->layer, bytes, length);
	return result;
}

static void send_close(struct websocket_layer *layer, uint16_t status)
{
	uint16_t wire = htobe16(status);

	if (status == WEBSOCKET_NO_STATUS)
		send_frame(layer, WEBSOCKET_CLOSE, NULL, 0);
	else
		send_frame(layer, WEBSOCKET_CLOSE, &wire, sizeof(wire));
}

static int take_data(struct link_buffer *out, const uint8_t *bytes, size_t length)
{
	uint8_t *room = link_buffer_room(out, length);

	if (!room)
		return -ENOMEM;
	memcpy(room, bytes, length);
	link_buffer_filled(out, length);
	return 0;
}

static int websocket_layer_decode(struct link_layer *base, struct link_buffer *in,
				  struct link_buffer *out)
{
	struct websocket_layer *layer = CONTAINER_OF(base, struct websocket_layer, layer);

	while (in->length && out->length < LINK_MAX_INPUT) {
		size_t length = MIN(in->length, LINK_MAX_INPUT - out->length);
		size_t used, payload_length;
		const uint8_t *payload;
		int result = websocket_decode(&layer->websocket, in->bytes + in->start, length,
					      &used, &payload, &payload_length);

		if (result == WEBSOCKET_DATA)
			result = take_data(out, payload, payload_length);
		else if (result == WEBSOCKET_PINGED &&
			 link_queued(base->link) < MAX_QUEUED_FOR_PONG)
			send_frame(layer, WEBSOCKET_PONG, payload, payload_length);
		link_buffer_use(in, used);
		if (result == WEBSOCKET_CLOSED || result == -EPROTO)
			send_close(layer, layer->websocket.status);
		if (result < 0)
			return result;
		if (result == WEBSOCKET_CLOSED)
			return -ESHUTDOWN;
	}
	return 0;
}

static int websocket_layer_encode(struct link_layer *base, const void *bytes, size_t length)
{
	struct websocket_layer *layer = CONTAINER_OF(base, struct websocket_layer, layer);

	return length ? send_frame(layer, WEBSOCKET_BINARY, bytes, length) : 0;
}

static void websocket_layer_finish(struct link_layer *base)
{
	send_close(CONTAINER_OF(base, struct websocket_layer, layer), WEBSOCKET_NORMAL);
}

static void websocket_layer_free(struct link_layer *base)
{
	free(CONTAINER_OF(base, struct websocket_layer, layer));
}

static const struct link_layer_ops websocket_ops = {
	websocket_layer_decode,
	websocket_layer_encode,
	websocket_layer_finish,
	websocket_layer_free,
};

int link_start_websocket(struct link *link)
{
	struct websocket_layer *layer = calloc(1, sizeof(*layer));

	if (!layer)
		return -ENOMEM;
	layer->layer.ops = &websocket_ops;
	return link_add_layer(link, &layer->layer);
}

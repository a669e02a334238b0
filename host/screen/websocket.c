/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RFC 6455, section 5 for frames and 4.2.2 for the handshake's key. */
#include "host/screen/websocket.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>

#define FIN	 0x80
#define RESERVED 0x70
#define OPCODE	 0x0f
#define MASKED	 0x80
#define LENGTH	 0x7f
#define GUID	 "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

static int fail(struct websocket *websocket, enum websocket_status status)
{
	websocket->failed = true;
	websocket->status = (uint16_t)status;
	return -EPROTO;
}

static bool is_control(uint8_t opcode)
{
	return opcode & 8;
}

/* --- Header --------------------------------------------------------------------------------- */

/* Of the header, as far as it is known. */
static size_t header_length(const struct websocket *websocket)
{
	if (websocket->have < 2)
		return 2;
	switch (websocket->header[1] & LENGTH) {
	case 126:
		return 2 + 2 + 4;
	case 127:
		return 2 + 8 + 4;
	default:
		return 2 + 4;
	}
}

static uint64_t load_length(const struct websocket *websocket)
{
	uint16_t length16;
	uint64_t length64;

	switch (websocket->header[1] & LENGTH) {
	case 126:
		memcpy(&length16, websocket->header + 2, sizeof(length16));
		return be16toh(length16);
	case 127:
		memcpy(&length64, websocket->header + 2, sizeof(length64));
		return be64toh(length64);
	default:
		return websocket->header[1] & LENGTH;
	}
}

/* The first two bytes have come. */
static int check_start(struct websocket *websocket)
{
	uint8_t first = websocket->header[0], second = websocket->header[1];
	uint8_t opcode = first & OPCODE;

	if ((first & RESERVED) || !(second & MASKED))
		return fail(websocket, WEBSOCKET_PROTOCOL_ERROR);
	switch (opcode) {
	case WEBSOCKET_CONTINUATION:
		return websocket->in_message ? 0 : fail(websocket, WEBSOCKET_PROTOCOL_ERROR);
	case WEBSOCKET_BINARY:
		return websocket->in_message ? fail(websocket, WEBSOCKET_PROTOCOL_ERROR) : 0;
	case WEBSOCKET_TEXT:
		return fail(websocket, WEBSOCKET_UNSUPPORTED);
	case WEBSOCKET_CLOSE:
	case WEBSOCKET_PING:
	case WEBSOCKET_PONG:
		if (!(first & FIN) || (second & LENGTH) > WEBSOCKET_MAX_CONTROL)
			return fail(websocket, WEBSOCKET_PROTOCOL_ERROR);
		return 0;
	default:
		return fail(websocket, WEBSOCKET_PROTOCOL_ERROR);
	}
}

/* The whole header has come. */
static int begin_payload(struct websocket *websocket)
{
	uint64_t length = load_length(websocket);
	uint8_t coded = websocket->header[1] & LENGTH;

	/* The shortest form is a must. */
	if ((coded == 126 && length < 126) || (coded == 127 && length <= UINT16_MAX))
		return fail(websocket, WEBSOCKET_PROTOCOL_ERROR);
	if (length > WEBSOCKET_MAX_FRAME)
		return fail(websocket, WEBSOCKET_TOO_BIG);
	websocket->in_payload = true;
	websocket->remaining = length;
	websocket->mask_at = 0;
	websocket->control_length = 0;
	return 0;
}

static int take_header(struct websocket *websocket, const uint8_t *bytes, size_t length,
		       size_t *used)
{
	while (!websocket->in_payload && *used < length) {
		int result = 0;

		websocket->header[websocket->have++] = bytes[(*used)++];
		if (websocket->have == 2)
			result = check_start(websocket);
		if (result == 0 && websocket->have == header_length(websocket))
			result = begin_payload(websocket);
		if (result < 0)
			return result;
	}
	return 0;
}

/* --- Payload -------------------------------------------------------------------------------- */

static void unmask(struct websocket *websocket, uint8_t *bytes, size_t length)
{
	const uint8_t *mask = websocket->header + websocket->have - 4;

	for (size_t i = 0; i < length; i++)
		bytes[i] ^= mask[(websocket->mask_at + i) & 3];
	websocket->mask_at = (unsigned int)((websocket->mask_at + length) & 3);
}

static void end_frame(struct websocket *websocket)
{
	if (!is_control(websocket->header[0] & OPCODE))
		websocket->in_message = !(websocket->header[0] & FIN);
	websocket->in_payload = false;
	websocket->have = 0;
}

/* Section 7.4: which of them may be on the wire. */
static bool status_allowed(uint16_t status)
{
	return (status >= 1000 && status <= 1003) || (status >= 1007 && status <= 1014) ||
	       (status >= 3000 && status <= 4999);
}

static int take_close(struct websocket *websocket)
{
	uint16_t status;

	websocket->failed = true; /* nothing is read any more */
	websocket->status = WEBSOCKET_NO_STATUS;
	if (websocket->control_length == 1)
		return fail(websocket, WEBSOCKET_PROTOCOL_ERROR);
	if (websocket->control_length >= 2) {
		memcpy(&status, websocket->control, sizeof(status));
		websocket->status = be16toh(status);
		if (!status_allowed(websocket->status))
			return fail(websocket, WEBSOCKET_PROTOCOL_ERROR);
	}
	return WEBSOCKET_CLOSED;
}

/* -EAGAIN: nothing that matters to anybody. */
static int take_control(struct websocket *websocket, const uint8_t **payload,
			size_t *payload_length)
{
	uint8_t opcode = websocket->header[0] & OPCODE;

	end_frame(websocket);
	*payload = websocket->control;
	*payload_length = websocket->control_length;
	if (opcode == WEBSOCKET_CLOSE)
		return take_close(websocket);
	return opcode == WEBSOCKET_PING ? WEBSOCKET_PINGED : -EAGAIN;
}

int websocket_decode(struct websocket *websocket, uint8_t *bytes, size_t length, size_t *used,
		     const uint8_t **payload, size_t *payload_length)
{
	*used = 0;
	*payload = NULL;
	*payload_length = 0;
	if (websocket->failed)
		return -EPROTO;
	for (;;) {
		size_t part;
		int result = take_header(websocket, bytes, length, used);

		if (result < 0)
			return result;
		if (!websocket->in_payload)
			return WEBSOCKET_NEED_MORE;
		part = (size_t)MIN(websocket->remaining, length - *used);
		unmask(websocket, bytes + *used, part);
		websocket->remaining -= part;
		if (is_control(websocket->header[0] & OPCODE)) {
			if (part)
				memcpy(websocket->control + websocket->control_length,
				       bytes + *used, part);
			websocket->control_length += part;
			*used += part;
			if (websocket->remaining)
				return WEBSOCKET_NEED_MORE;
			result = take_control(websocket, payload, payload_length);
			if (result != -EAGAIN)
				return result;
			continue;
		}
		*payload = bytes + *used;
		*payload_length = part;
		*used += part;
		if (websocket->remaining == 0)
			end_frame(websocket);
		if (part)
			return WEBSOCKET_DATA;
		if (*used == length)
			return WEBSOCKET_NEED_MORE;
	}
}

/* --- What we send --------------------------------------------------------------------------- */

size_t websocket_header(uint8_t header[WEBSOCKET_MAX_HEADER], enum websocket_opcode opcode,
			uint64_t length)
{
	uint16_t length16 = htobe16((uint16_t)length);
	uint64_t length64 = htobe64(length);

	header[0] = (uint8_t)(FIN | opcode);
	if (length < 126) {
		header[1] = (uint8_t)length;
		return 2;
	}
	if (length <= UINT16_MAX) {
		header[1] = 126;
		memcpy(header + 2, &length16, sizeof(length16));
		return 4;
	}
	header[1] = 127;
	memcpy(header + 2, &length64, sizeof(length64));
	return 10;
}

static bool key_is_valid(const char *key)
{
	gnutls_datum_t text = {(unsigned char *)key, 0}, bytes = {NULL, 0};
	size_t length = strlen(key);
	bool valid;

	if (length != 24)
		return false;
	text.size = (unsigned int)length;
	if (gnutls_base64_decode2(&text, &bytes) < 0)
		return false;
	valid = bytes.size == 16;
	gnutls_free(bytes.data);
	return valid;
}

int websocket_accept(const char *key, char accept[WEBSOCKET_ACCEPT_SIZE])
{
	char text[WEBSOCKET_MAX_KEY + sizeof(GUID)];
	uint8_t digest[20];
	gnutls_datum_t hash = {digest, sizeof(digest)}, base64 = {NULL, 0};
	int length, result = -EINVAL;

	if (!key_is_valid(key))
		return -EINVAL;
	length = snprintf(text, sizeof(text), "%s%s", key, GUID);
	if (gnutls_hash_fast(GNUTLS_DIG_SHA1, text, (size_t)length, digest) < 0 ||
	    gnutls_base64_encode2(&hash, &base64) < 0)
		return -EINVAL;
	if (base64.size == WEBSOCKET_ACCEPT_SIZE - 1) {
		memcpy(accept, base64.data, base64.size);
		accept[base64.size] = '\0';
		result = 0;
	}
	gnutls_free(base64.data);
	return result;
}

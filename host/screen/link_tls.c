/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TLS as a layer: GnuTLS pulls records from the buffer below and pushes records into the queue,
 * neither of which waits. What the protocol sends before the handshake is through is held back.
 */
#include "host/screen/link_layer.h"
#include "host/screen/tls.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_HELD (1U << 20) /* a protocol waits for an answer long before */
#define RECORD	 (16U << 10)

struct tls_layer {
	struct link_layer layer;
	gnutls_session_t session;
	struct link_buffer *in; /* while decoding */
	bool shaken;		/* the handshake is through */
	struct link_buffer held;
};

/* --- Below ---------------------------------------------------------------------------------- */

static ssize_t pull(gnutls_transport_ptr_t data, void *bytes, size_t size)
{
	struct tls_layer *layer = data;
	size_t length = layer->in ? MIN(size, layer->in->length) : 0;

	if (length == 0) {
		gnutls_transport_set_errno(layer->session, EAGAIN);
		return -1;
	}
	memcpy(bytes, link_buffer_bytes(layer->in), length);
	link_buffer_use(layer->in, length);
	return (ssize_t)length;
}

/* There is nothing to wait for: either it has come, or it has not. */
static int pull_timeout(gnutls_transport_ptr_t data, unsigned int milliseconds)
{
	struct tls_layer *layer = data;

	(void)milliseconds;
	return layer->in && layer->in->length;
}

static ssize_t push(gnutls_transport_ptr_t data, const void *bytes, size_t length)
{
	struct tls_layer *layer = data;

	if (link_send_below(&layer->layer, bytes, length) == 0)
		return (ssize_t)length;
	gnutls_transport_set_errno(layer->session, EPIPE);
	return -1;
}

/* --- Out ------------------------------------------------------------------------------------ */

static int send_records(struct tls_layer *layer, const uint8_t *bytes, size_t length)
{
	while (length) {
		ssize_t sent = gnutls_record_send(layer->session, bytes, length);

		if (sent == GNUTLS_E_MEMORY_ERROR)
			return -ENOMEM;
		if (sent <= 0)
			return -EPIPE;
		bytes += sent;
		length -= (size_t)sent;
	}
	return 0;
}

static int tls_encode(struct link_layer *base, const void *bytes, size_t length)
{
	struct tls_layer *layer = CONTAINER_OF(base, struct tls_layer, layer);
	uint8_t *room;

	if (layer->shaken)
		return send_records(layer, bytes, length);
	if (length > MAX_HELD - layer->held.length)
		return -ENOBUFS;
	room = link_buffer_room(&layer->held, length);
	if (!room)
		return -ENOMEM;
	memcpy(room, bytes, length);
	link_buffer_filled(&layer->held, length);
	base->held = layer->held.length;
	return 0;
}

static int send_held(struct tls_layer *layer)
{
	int result = send_records(layer, link_buffer_bytes(&layer->held), layer->held.length);

	link_buffer_use(&layer->held, layer->held.length);
	layer->layer.held = 0;
	return result;
}

/* --- In ------------------------------------------------------------------------------------- */

static bool must_wait(ssize_t result)
{
	return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
}

/* 0: go on, or wait if not shaken yet. */
static int shake(struct tls_layer *layer)
{
	int result;

	do
		result = gnutls_handshake(layer->session);
	while (result < 0 && !must_wait(result) && !gnutls_error_is_fatal(result));
	if (must_wait(result))
		return 0;
	if (result < 0) {
		gnutls_alert_send_appropriate(layer->session, result);
		return -EPROTO;
	}
	layer->shaken = true;
	link_limit(layer->layer.link, 0);
	return send_held(layer);
}

/* 1: there may be more; 0: there is none; else negative errno. */
static int receive_record(struct tls_layer *layer, struct link_buffer *out)
{
	uint8_t *room = link_buffer_room(out, RECORD);
	ssize_t got;

	if (!room)
		return -ENOMEM;
	got = gnutls_record_recv(layer->session, room, RECORD);
	if (got > 0) {
		link_buffer_filled(out, (size_t)got);
		return 1;
	}
	if (got == 0)
		return -ESHUTDOWN;
	if (must_wait(got))
		return 0;
	if (got == GNUTLS_E_REHANDSHAKE) /* they may ask; we do not */
		gnutls_alert_send(layer->session, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
	return gnutls_error_is_fatal((int)got) ? -EPROTO : 1;
}

static int tls_decode(struct link_layer *base, struct link_buffer *in, struct link_buffer *out)
{
	struct tls_layer *layer = CONTAINER_OF(base, struct tls_layer, layer);
	int result = 0;

	layer->in = in;
	if (!layer->shaken)
		result = shake(layer);
	if (result == 0 && layer->shaken) {
		do
			result = out->length + RECORD <= LINK_MAX_INPUT ? receive_record(layer, out)
									: 0;
		while (result > 0);
	}
	layer->in = NULL;
	return result;
}

/* --- Life ----------------------------------------------------------------------------------- */

static void tls_finish(struct link_layer *base)
{
	struct tls_layer *layer = CONTAINER_OF(base, struct tls_layer, layer);

	if (layer->shaken)
		gnutls_bye(layer->session, GNUTLS_SHUT_WR);
}

static void tls_free(struct link_layer *base)
{
	struct tls_layer *layer = CONTAINER_OF(base, struct tls_layer, layer);

	gnutls_deinit(layer->session);
	free(layer->held.bytes);
	free(layer);
}

static const struct link_layer_ops tls_ops = {tls_decode, tls_encode, tls_finish, tls_free};

int link_start_tls(struct link *link, const struct tls_credentials *credentials)
{
	struct tls_layer *layer = calloc(1, sizeof(*layer));
	int result;

	if (!layer)
		return -ENOMEM;
	result = tls_new_session(credentials, &layer->session);
	if (result < 0) {
		free(layer);
		return result;
	}
	layer->layer.ops = &tls_ops;
	gnutls_transport_set_ptr(layer->session, layer);
	gnutls_transport_set_pull_function(layer->session, pull);
	gnutls_transport_set_pull_timeout_function(layer->session, pull_timeout);
	gnutls_transport_set_push_function(layer->session, push);
	result = link_add_layer(link, &layer->layer);
	if (result == 0)
		link_limit(link, TLS_HANDSHAKE_MS);
	return result;
}

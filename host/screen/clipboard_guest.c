/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard_guest: the guest's end, over the agent's session (protocol/display.h). One stream
 * "clipboard.attach" carries offers both ways and the guest's wants; each transfer is a stream of
 * its own. The guest may be hostile: what it says is bounded.
 */
#include "host/screen/clipboard_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>

#define RETRY_MS      1000	  /* to attach; doubled each time */
#define RETRY_LAST_MS (64 * 1000) /* then only when something has changed */

static void ignore_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)owner;
	(void)result;
}

/* Of streams that nobody waits for. */
static const struct stream_handlers ignore_handlers = {.closed = ignore_closed};

void guest_let_go(struct stream *stream)
{
	stream_set_handlers(stream, &ignore_handlers, NULL);
	stream_cancel(stream);
}

/* --- Reading the guest's offer -------------------------------------------------------------- */

static void on_read_data(struct stream *stream, void *owner, unsigned int channel,
			 struct slice bytes)
{
	struct fetch *fetch = owner;

	if (channel == 1)
		fetch_append(fetch, bytes.bytes, bytes.length);
	stream_consumed(stream, channel, bytes.length);
}

static void on_read_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct fetch *fetch = owner;

	(void)stream;
	fetch->stream = NULL;
	fetch_end(fetch, result->error);
}

static const struct stream_handlers read_handlers = {.data = on_read_data,
						     .closed = on_read_closed};

int guest_fetch(struct fetch *fetch, uint64_t serial)
{
	const struct clipboard_want want = {
		.id = fetch->id,
		.serial = serial,
		.selection = slice_of(selection_name(fetch->selection)),
		.type = slice_of(fetch->type),
	};
	uint8_t bytes[512];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	if (!fetch->clipboard->guest)
		return -ENOTCONN;
	message_encode(&message_clipboard_want, &want, &writer);
	return session_request(fetch->clipboard->guest, SLICE_LITERAL("clipboard.read"),
			       cbor_written(&writer), &read_handlers, fetch, &fetch->stream);
}

void guest_fetch_cancel(struct fetch *fetch)
{
	if (fetch->stream)
		guest_let_go(fetch->stream);
	fetch->stream = NULL;
}

/* --- Offers, both ways ---------------------------------------------------------------------- */

static void tell(struct clipboard *clipboard, enum clipboard_selection selection, uint64_t serial,
		 struct clipboard_types types)
{
	uint8_t list[CLIPBOARD_MAX_TYPES * (CLIPBOARD_TYPE_MAX + 3) + 8];
	uint8_t bytes[sizeof(list) + 128];
	struct cbor_writer list_writer = CBOR_WRITER(list), writer = CBOR_WRITER(bytes);
	struct clipboard_offer offer = {
		.selection = slice_of(selection_name(selection)),
		.serial = serial,
		.secret = types.count && clipboard->offer[selection].secret,
	};

	cbor_put_array(&list_writer, types.count);
	for (size_t i = 0; i < types.count; i++)
		cbor_put_text(&list_writer, slice_of(types.type[i]));
	offer.types = cbor_written(&list_writer);
	message_encode(&message_clipboard_offer, &offer, &writer);
	/* A guest that takes nothing misses it. */
	if (stream_message(clipboard->attach, SLICE_LITERAL("offer"), cbor_written(&writer)) == 0)
		clipboard->told[selection] = types.serial;
}

void guest_tell(struct clipboard *clipboard)
{
	if (!clipboard->attach)
		return;
	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++) {
		const enum clipboard_selection selection = (enum clipboard_selection)i;
		const struct clipboard_types types =
			types_for(clipboard, SIDE_GUEST, NULL, selection);

		if (types.serial == clipboard->told[i])
			continue;
		if (types.serial)
			tell(clipboard, selection, types.serial, types);
		else if (clipboard->offer[i].by == SIDE_GUEST)
			clipboard->told[i] = 0; /* it has replaced ours itself */
		else
			tell(clipboard, selection, ++clipboard->last_serial, types);
	}
}

static void offered(struct clipboard *clipboard, const struct clipboard_offer *said,
		    enum clipboard_selection selection)
{
	struct cbor_reader reader = CBOR_READER(said->types);
	struct offer *offer;
	uint64_t count = 0;

	if (said->types.length)
		count = cbor_get_array(&reader);
	if (count == 0) {
		offer_withdraw(clipboard, selection, SIDE_GUEST, NULL);
		return;
	}
	offer = offer_begin(clipboard, selection, SIDE_GUEST, NULL);
	offer->guest_serial = said->serial;
	offer->secret = said->secret;
	while (count-- && !reader.error) {
		const struct slice type = cbor_get_text(&reader);

		if (!reader.error)
			offer_add(offer, type);
	}
	offer_made(clipboard, selection);
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct clipboard *clipboard = owner;
	enum clipboard_selection selection;
	struct clipboard_offer offer;
	struct clipboard_want wanted;

	(void)stream;
	if (slice_is(name, "offer")) {
		if (message_decode(&message_clipboard_offer, params, &offer) == 0 &&
		    selection_parse(offer.selection, &selection) == 0)
			offered(clipboard, &offer, selection);
	} else if (slice_is(name, "want")) {
		if (message_decode(&message_clipboard_want, params, &wanted) == 0 &&
		    selection_parse(wanted.selection, &selection) == 0)
			guest_want(clipboard, &wanted, selection);
	}
}

/* --- The link ------------------------------------------------------------------------------- */

static void detached(struct clipboard *clipboard)
{
	clipboard->attach = NULL;
	memset(clipboard->told, 0, sizeof(clipboard->told));
	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++)
		offer_withdraw(clipboard, (enum clipboard_selection)i, SIDE_GUEST, NULL);
}

static void on_attach_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct clipboard *clipboard = owner;

	(void)stream;
	detached(clipboard);
	log_debug("the guest has no clipboard: %s",
		  result->error ? error_text(result->error) : "it has ended it");
	if (!clipboard->guest || result->error == -ECONNRESET || result->error == -ENOSYS ||
	    clipboard->retry_ms > RETRY_LAST_MS)
		return;
	uv_timer_start(&clipboard->retry, guest_retry_fired, clipboard->retry_ms, 0);
	clipboard->retry_ms *= 2;
}

static const struct stream_handlers attach_handlers = {.message = on_message,
						       .closed = on_attach_closed};

void guest_open(struct clipboard *clipboard)
{
	if (!clipboard->guest || clipboard->attach)
		return;
	if (session_request(clipboard->guest, SLICE_LITERAL("clipboard.attach"), (struct slice){0},
			    &attach_handlers, clipboard, &clipboard->attach) < 0)
		return;
	guest_tell(clipboard);
}

void guest_retry_fired(uv_timer_t *timer)
{
	guest_open(timer->data);
}

void clipboard_guest_established(struct clipboard *clipboard, struct session *session)
{
	clipboard->guest = session;
	clipboard_guest_changed(clipboard);
}

void clipboard_guest_changed(struct clipboard *clipboard)
{
	clipboard->retry_ms = RETRY_MS;
	guest_open(clipboard);
}

void clipboard_guest_lost(struct clipboard *clipboard)
{
	clipboard->guest = NULL;
	uv_timer_stop(&clipboard->retry);
	guest_drop_writes(clipboard);
	for (struct fetch *fetch = clipboard->fetches; fetch; fetch = fetch->next) {
		if (fetch->from == SIDE_GUEST) {
			guest_fetch_cancel(fetch);
			fetch_end(fetch, -ECONNRESET);
		}
	}
	if (clipboard->attach) {
		guest_let_go(clipboard->attach);
		detached(clipboard);
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_clipboard_send: the client pastes what the guest has. That is collected before it is sent,
 * since a message says its length first.
 */
#include "guest-agent/agent/spice/spice_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/clipboard_text.h"

#include <errno.h>
#include <stdlib.h>

struct spice_send {
	struct spice *spice;
	struct spice_send *next;
	struct stream *stream;
	struct spice_clipboard what;
	uint8_t *bytes;
	size_t length, capacity;
};

static void send_free(struct spice_send *send)
{
	struct spice_send **place = &send->spice->sends;

	while (*place != send)
		place = &(*place)->next;
	*place = send->next;
	if (send->stream)
		spice_stream_let_go(send->stream);
	free(send->bytes);
	free(send);
}

/* There is nothing to paste. */
static void say_none(struct spice *spice, uint8_t selection)
{
	const struct spice_clipboard none = {.selection = selection, .type = SPICE_CLIPBOARD_NONE};

	spice_clipboard_say(spice, SPICE_CLIPBOARD, &none, (struct slice){0});
}

static void give_up(struct spice_send *send)
{
	say_none(send->spice, send->what.selection);
	send_free(send);
}

static void on_read_data(struct stream *stream, void *owner, unsigned int channel,
			 struct slice bytes)
{
	struct spice_send *send = owner;
	const int32_t client_max = send->spice->client_max;
	const size_t most =
		client_max < 0 ? SPICE_CLIP_BYTES : MIN((size_t)client_max, SPICE_CLIP_BYTES);
	size_t wanted = send->length + bytes.length;
	uint8_t *grown;

	stream_consumed(stream, channel, bytes.length);
	if (channel != 1 || bytes.length == 0)
		return;
	if (wanted > most) {
		give_up(send);
		return;
	}
	if (wanted > send->capacity) {
		send->capacity = MAX(wanted, send->capacity * 2);
		grown = realloc(send->bytes, send->capacity);
		if (!grown) {
			give_up(send);
			return;
		}
		send->bytes = grown;
	}
	memcpy(send->bytes + send->length, bytes.bytes, bytes.length);
	send->length = wanted;
}

static void on_read_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct spice_send *send = owner;
	enum text_form form = TEXT_NONE;
	uint8_t *text = NULL;
	size_t length = 0;

	(void)stream;
	send->stream = NULL;
	if (send->what.type == SPICE_CLIPBOARD_UTF8_TEXT)
		form = clipboard_text_form(
			slice_of(send->spice->copied[send->what.selection].name[send->what.type]));
	if (result->error ||
	    (form != TEXT_NONE &&
	     clipboard_text_normalise(form, (struct slice){send->bytes, send->length}, &text,
				      &length) < 0)) {
		give_up(send);
		return;
	}
	spice_clipboard_say(send->spice, SPICE_CLIPBOARD, &send->what,
			    text ? (struct slice){text, length}
				 : (struct slice){send->bytes, send->length});
	free(text);
	send_free(send);
}

static const struct stream_handlers read_handlers = {.data = on_read_data,
						     .closed = on_read_closed};

void spice_clipboard_request(struct spice *spice, const struct spice_clipboard *wanted)
{
	const struct spice_copied *copied = &spice->copied[wanted->selection];
	struct clipboard_want want = {
		.serial = copied->serial,
		.selection = slice_of(spice_selection_name(wanted->selection)),
	};
	struct spice_send *send;
	unsigned int count = 0;
	uint8_t bytes[512];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	for (send = spice->sends; send; send = send->next)
		count++;
	if (!copied->serial || wanted->type >= ARRAY_SIZE(copied->name) ||
	    !copied->name[wanted->type][0] || count >= SPICE_WANTS ||
	    !(send = calloc(1, sizeof(*send)))) {
		say_none(spice, wanted->selection);
		return;
	}
	want.type = slice_of(copied->name[wanted->type]);
	message_encode(&message_clipboard_want, &want, &writer);
	*send = (struct spice_send){.spice = spice, .next = spice->sends, .what = *wanted};
	spice->sends = send;
	if (session_request(spice->session, SLICE_LITERAL("clipboard.read"), cbor_written(&writer),
			    &read_handlers, send, &send->stream) < 0)
		give_up(send);
}

void spice_clipboard_drop_sends(struct spice *spice)
{
	while (spice->sends)
		send_free(spice->sends);
}

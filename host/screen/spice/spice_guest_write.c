/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_guest_write: the guest pastes what the host has. That is collected before it is sent, since
 * a message says its length first.
 */
#include "host/screen/spice/spice_guest_internal.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

#define QUEUE_BYTES (64U << 20) /* that the guest is behind: no more is promised */

void spice_guest_say_none(struct spice_guest *spice, uint8_t selection)
{
	spice_guest_say_clipboard(spice, SPICE_CLIPBOARD, selection, SPICE_CLIPBOARD_NONE,
				  (struct slice){0});
}

void spice_guest_clipboard_request(struct spice_guest *spice, const struct spice_clipboard *wanted)
{
	struct clipboard_want want = {
		.serial = spice->offered[wanted->selection],
		.selection = slice_of(spice_guest_selection_name(wanted->selection)),
	};
	size_t place = 0;
	uint8_t bytes[300];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	while (place < SPICE_WANTS && spice->asked[place].used)
		place++;
	if (!want.serial || wanted->type == 0 || wanted->type >= SPICE_TYPES ||
	    !(spice->offered_types[wanted->selection] & SPICE_TYPE_BIT(wanted->type)) ||
	    !spice->clipboard || place == SPICE_WANTS || spice->wire.out.length > QUEUE_BYTES) {
		spice_guest_say_none(spice, wanted->selection);
		return;
	}
	spice->asked[place] = (struct spice_asked){
		.used = true,
		.id = want.id = ++spice->last_id,
		.selection = wanted->selection,
		.type = wanted->type,
	};
	want.type = slice_of(spice_clipboard_mime(wanted->type));
	message_encode(&message_clipboard_want, &want, &writer);
	if (stream_message(spice->clipboard, SLICE_LITERAL("want"), cbor_written(&writer)) < 0) {
		spice->asked[place].used = false;
		spice_guest_say_none(spice, wanted->selection);
	}
}

struct spice_write {
	struct spice_guest *spice;
	struct spice_write *next;
	struct stream *stream;
	uint8_t selection;
	uint32_t type;
	uint8_t *bytes;
	size_t length, capacity;
};

static void write_free(struct spice_write *write)
{
	struct spice_write **place = &write->spice->writes;

	while (*place != write)
		place = &(*place)->next;
	*place = write->next;
	free(write->bytes);
	free(write);
}

static void write_fail(struct spice_write *write, int error)
{
	struct stream *stream = write->stream;

	spice_guest_say_none(write->spice, write->selection);
	write_free(write);
	stream_fail(stream, error, NULL);
}

static void on_write_data(struct stream *stream, void *owner, unsigned int channel,
			  struct slice bytes)
{
	struct spice_write *write = owner;
	const size_t wanted = write->length + bytes.length;
	uint8_t *grown;

	stream_consumed(stream, channel, bytes.length);
	if (channel != 0 || bytes.length == 0)
		return;
	if (wanted > SPICE_CLIP_BYTES) {
		write_fail(write, EFBIG);
		return;
	}
	if (wanted > write->capacity) {
		write->capacity = MAX(wanted, write->capacity * 2);
		grown = realloc(write->bytes, write->capacity);
		if (!grown) {
			write_fail(write, ENOMEM);
			return;
		}
		write->bytes = grown;
	}
	memcpy(write->bytes + write->length, bytes.bytes, bytes.length);
	write->length = wanted;
}

static void on_write_end(struct stream *stream, void *owner, unsigned int channel)
{
	struct spice_write *write = owner;

	if (channel != 0)
		return;
	spice_guest_say_clipboard(write->spice, SPICE_CLIPBOARD, write->selection, write->type,
				  (struct slice){write->bytes, write->length});
	write_free(write);
	stream_reply(stream, (struct slice){0});
}

static void on_write_cancelled(struct stream *stream, void *owner)
{
	(void)stream;
	write_fail(owner, ECANCELED);
}

static void on_write_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	write_free(owner);
}

static const struct stream_handlers write_handlers = {
	.data = on_write_data,
	.end = on_write_end,
	.cancelled = on_write_cancelled,
	.closed = on_write_closed,
};

void spice_guest_clipboard_write(struct spice_guest *spice, struct stream *stream,
				 struct slice params)
{
	struct clipboard_write said;
	struct spice_write *write;
	struct spice_asked asked;
	size_t place = 0;

	if (message_decode(&message_clipboard_write, params, &said) < 0) {
		stream_fail(stream, EINVAL, NULL);
		return;
	}
	while (place < SPICE_WANTS &&
	       (!spice->asked[place].used || spice->asked[place].id != said.id))
		place++;
	if (place == SPICE_WANTS) {
		stream_fail(stream, ESTALE, NULL);
		return;
	}
	asked = spice->asked[place];
	spice->asked[place].used = false;
	write = said.number ? NULL : calloc(1, sizeof(*write));
	if (!write) {
		spice_guest_say_none(spice, asked.selection);
		stream_reply(stream, (struct slice){0});
		return;
	}
	*write = (struct spice_write){
		.spice = spice,
		.next = spice->writes,
		.stream = stream,
		.selection = asked.selection,
		.type = asked.type,
	};
	spice->writes = write;
	stream_set_handlers(stream, &write_handlers, write);
}

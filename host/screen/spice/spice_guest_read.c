/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_guest_read: the host pastes what the guest has copied. One request of ours serves all who
 * wait for the same.
 */
#include "host/screen/spice/spice_guest_internal.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

struct spice_read {
	struct spice_guest *spice;
	struct spice_read *next;
	struct stream *stream;
	uint8_t selection;
	uint32_t type;
	bool answered;
	uint8_t *bytes;
	size_t length, sent;
};

static void read_free(struct spice_read *read)
{
	struct spice_read **place = &read->spice->reads;

	while (*place != read)
		place = &(*place)->next;
	*place = read->next;
	free(read->bytes);
	free(read);
}

static void read_fail(struct spice_read *read, int error)
{
	struct stream *stream = read->stream;

	read_free(read);
	stream_fail(stream, error, NULL);
}

static void read_more(struct spice_read *read)
{
	struct stream *stream = read->stream;
	ssize_t taken = 0;

	while (read->sent < read->length) {
		taken = stream_send(stream, 1, read->bytes + read->sent, read->length - read->sent);
		if (taken <= 0)
			break;
		read->sent += (size_t)taken;
	}
	if (taken < 0) {
		read_fail(read, (int)taken);
	} else if (read->sent == read->length) {
		read_free(read);
		stream_end(stream, 1);
		stream_reply(stream, (struct slice){0});
	}
}

static void on_read_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	const struct spice_read *read = owner;

	(void)stream;
	(void)bytes;
	if (channel == 1 && read->answered)
		read_more(owner);
}

static void on_read_cancelled(struct stream *stream, void *owner)
{
	(void)stream;
	read_fail(owner, ECANCELED);
}

static void on_read_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	read_free(owner);
}

static const struct stream_handlers read_handlers = {
	.credit = on_read_credit,
	.cancelled = on_read_cancelled,
	.closed = on_read_closed,
};

void spice_guest_clipboard_read(struct spice_guest *spice, struct stream *stream,
				struct slice params)
{
	struct clipboard_want want;
	struct spice_read *read;
	unsigned int count = 0;
	bool asked = false;
	uint32_t type;
	int selection;

	if (message_decode(&message_clipboard_want, params, &want) < 0 ||
	    (selection = spice_guest_selection(want.selection)) < 0) {
		stream_fail(stream, EINVAL, NULL);
		return;
	}
	type = spice_clipboard_type(want.type);
	if (!type || !(spice->copied_types[selection] & SPICE_TYPE_BIT(type)) ||
	    spice->copied[selection] != want.serial) {
		stream_fail(stream, ESTALE, NULL);
		return;
	}
	for (read = spice->reads; read; read = read->next) {
		count++;
		asked |= !read->answered && read->selection == selection && read->type == type;
	}
	read = count < SPICE_READS ? calloc(1, sizeof(*read)) : NULL;
	if (!read) {
		stream_fail(stream, EAGAIN, NULL);
		return;
	}
	*read = (struct spice_read){
		.spice = spice,
		.next = spice->reads,
		.stream = stream,
		.selection = (uint8_t)selection,
		.type = type,
	};
	spice->reads = read;
	stream_set_handlers(stream, &read_handlers, read);
	if (!asked)
		spice_guest_say_clipboard(spice, SPICE_CLIPBOARD_REQUEST, (uint8_t)selection, type,
					  (struct slice){0});
}

static void answer_read(struct spice_read *read, const struct spice_clipboard *said, int error)
{
	if (error) {
		read_fail(read, error);
		return;
	}
	read->bytes = malloc(said->data.length + 1);
	if (!read->bytes) {
		read_fail(read, ENOMEM);
		return;
	}
	if (said->data.length)
		memcpy(read->bytes, said->data.bytes, said->data.length);
	read->length = said->data.length;
	read->answered = true;
	read_more(read);
}

/* Those who wait for it; with NONE the guest says that it has nothing. */
void spice_guest_clipboard_answer(struct spice_guest *spice, const struct spice_clipboard *said,
				  int error)
{
	struct spice_read *read = spice->reads, *next;

	for (; read; read = next) {
		next = read->next;
		if (read->answered || read->selection != said->selection)
			continue;
		if (said->type == SPICE_CLIPBOARD_NONE)
			answer_read(read, said, ENOENT);
		else if (said->type == read->type)
			answer_read(read, said, error);
	}
}

void spice_guest_clipboard_skipped(struct spice_guest *spice, struct slice start)
{
	struct spice_clipboard said;

	if (spice_clipboard_parse(SPICE_CLIPBOARD, start, spice->both, &said) == 0)
		spice_guest_clipboard_answer(spice, &said, EFBIG);
}

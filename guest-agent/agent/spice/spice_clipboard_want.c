/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_clipboard_want: the guest pastes what the client has. One request serves all who wait for
 * the same.
 */
#include "guest-agent/agent/spice/spice_internal.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

/* A write under way. */
struct answer {
	uint8_t *bytes;
	size_t length, sent;
};

static void answer_more(struct stream *stream, struct answer *answer)
{
	const ssize_t taken = answer->sent < answer->length
				      ? stream_send(stream, 0, answer->bytes + answer->sent,
						    answer->length - answer->sent)
				      : 0;

	if (taken > 0)
		answer->sent += (size_t)taken;
	if (answer->sent == answer->length)
		stream_end(stream, 0);
}

static void on_answer_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	const struct answer *answer = owner;

	(void)bytes;
	if (channel == 0 && answer->sent < answer->length)
		answer_more(stream, owner);
}

static void on_answer_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct answer *answer = owner;

	(void)stream;
	(void)result;
	free(answer->bytes);
	free(answer);
}

static const struct stream_handlers answer_handlers = {.credit = on_answer_credit,
						       .closed = on_answer_closed};

static void answer_want(struct spice *spice, struct spice_want *want, int error, struct slice data)
{
	const struct clipboard_write said = {.id = want->id, .number = (uint64_t)error};
	struct answer *answer = calloc(1, sizeof(*answer));
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct stream *stream;

	want->used = false;
	if (!answer)
		return; /* the guest's side waits no longer than it likes */
	message_encode(&message_clipboard_write, &said, &writer);
	answer->bytes = malloc(data.length + 1);
	if (!answer->bytes || !spice->session ||
	    session_request(spice->session, SLICE_LITERAL("clipboard.write"), cbor_written(&writer),
			    &answer_handlers, answer, &stream) < 0) {
		free(answer->bytes);
		free(answer);
		return;
	}
	if (data.length)
		memcpy(answer->bytes, data.bytes, data.length);
	answer->length = error ? 0 : data.length;
	answer_more(stream, answer);
}

void spice_clipboard_answer(struct spice *spice, const struct spice_clipboard *said)
{
	for (size_t i = 0; i < SPICE_WANTS; i++) {
		struct spice_want *want = &spice->wants[i];

		if (!want->used || want->selection != said->selection)
			continue;
		if (said->type == want->type)
			answer_want(spice, want, 0, said->data);
		else if (said->type == SPICE_CLIPBOARD_NONE)
			answer_want(spice, want, ENOENT, (struct slice){0});
	}
}

void spice_clipboard_skipped(struct spice *spice, struct slice start)
{
	struct spice_clipboard said;

	if (spice_clipboard_parse(SPICE_CLIPBOARD, start, spice->both, &said) < 0)
		return;
	for (size_t i = 0; i < SPICE_WANTS; i++) {
		struct spice_want *want = &spice->wants[i];

		if (want->used && want->selection == said.selection && want->type == said.type)
			answer_want(spice, want, EFBIG, (struct slice){0});
	}
}

static bool is_asked(const struct spice *spice, uint8_t selection, uint32_t type)
{
	for (size_t i = 0; i < SPICE_WANTS; i++) {
		const struct spice_want *want = &spice->wants[i];

		if (want->used && want->selection == selection && want->type == type)
			return true;
	}
	return false;
}

static struct spice_want *free_want(struct spice *spice)
{
	for (size_t i = 0; i < SPICE_WANTS; i++) {
		if (!spice->wants[i].used)
			return &spice->wants[i];
	}
	/* The oldest have waited for nothing. */
	for (size_t i = 0; i < SPICE_WANTS; i++)
		answer_want(spice, &spice->wants[i], ETIMEDOUT, (struct slice){0});
	return &spice->wants[0];
}

void spice_clipboard_want(struct spice *spice, const struct clipboard_want *wanted,
			  uint8_t selection)
{
	struct spice_want want = {
		.used = true,
		.id = wanted->id,
		.selection = selection,
		.type = spice_clipboard_type(wanted->type),
	};
	const struct spice_clipboard request = {.selection = selection, .type = want.type};
	struct spice_want *place;
	bool asked;

	if (wanted->serial == 0 || wanted->serial != spice->offered[selection] || !want.type) {
		answer_want(spice, &want, ESTALE, (struct slice){0});
		return;
	}
	place = free_want(spice);
	asked = is_asked(spice, selection, want.type);
	*place = want;
	if (!asked)
		spice_clipboard_say(spice, SPICE_CLIPBOARD_REQUEST, &request, (struct slice){0});
}

void spice_clipboard_drop_wants(struct spice *spice)
{
	for (size_t i = 0; i < SPICE_WANTS; i++) {
		if (spice->wants[i].used)
			answer_want(spice, &spice->wants[i], ECONNRESET, (struct slice){0});
	}
}

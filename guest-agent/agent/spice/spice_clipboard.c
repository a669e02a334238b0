/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_clipboard: GRAB is an offer, REQUEST a want, both ways. A paste of the client is collected
 * before it is sent, since a message says its length first.
 */
#include "guest-agent/agent/spice/spice_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/clipboard_text.h"

#include <errno.h>
#include <stdlib.h>

static const char *const selection_names[SPICE_SELECTIONS] = {"clipboard", "primary"};

struct spice_send {
	struct spice *spice;
	struct spice_send *next;
	struct stream *stream;
	struct spice_clipboard what;
	uint8_t *bytes;
	size_t length, capacity;
};

static void say_short(struct spice *spice, enum spice_type type,
		      const struct spice_clipboard *clipboard, struct slice data)
{
	uint8_t bytes[SPICE_CLIPBOARD_SIZE];
	const size_t length = spice_clipboard_encode(type, clipboard, spice->both, bytes);

	spice_say(spice, type, (struct slice){bytes, length}, data);
}

/* Which selections there are depends on what the client knows. */
static bool is_known(const struct spice *spice, uint8_t selection)
{
	return selection < SPICE_SELECTIONS && (selection == SPICE_SELECTION_CLIPBOARD ||
						spice->both & SPICE_CAP(CLIPBOARD_SELECTION));
}

/* --- The guest has copied, the client pastes ------------------------------------------------ */

static void tell(struct spice *spice, uint8_t selection)
{
	struct spice_copied *copied = &spice->copied[selection];
	struct spice_grab grab = {.selection = selection};
	const struct spice_clipboard release = {.selection = selection};
	uint8_t bytes[SPICE_GRAB_SIZE];
	size_t length;

	if (!(spice->both & SPICE_CAP(CLIPBOARD_BY_DEMAND)) || !is_known(spice, selection))
		return;
	for (uint32_t type = 1; copied->serial && type < ARRAY_SIZE(copied->name); type++) {
		if (copied->name[type][0])
			grab.type[grab.count++] = type;
	}
	if (copied->grabbed &&
	    (grab.count == 0 || !(spice->both & SPICE_CAP(CLIPBOARD_NO_RELEASE_ON_REGRAB))))
		say_short(spice, SPICE_CLIPBOARD_RELEASE, &release, (struct slice){0});
	copied->grabbed = grab.count > 0;
	if (grab.count == 0)
		return;
	length = spice_grab_encode(&grab, spice->both, bytes);
	spice_say(spice, SPICE_CLIPBOARD_GRAB, (struct slice){bytes, length}, (struct slice){0});
}

void spice_clipboard_tell(struct spice *spice)
{
	for (uint8_t i = 0; i < SPICE_SELECTIONS; i++) {
		if (spice->copied[i].serial)
			tell(spice, i);
	}
}

static void guest_offered(struct spice *spice, const struct clipboard_offer *offer,
			  uint8_t selection)
{
	struct spice_copied *copied = &spice->copied[selection];
	struct cbor_reader reader = CBOR_READER(offer->types);
	enum text_form best = TEXT_NONE;
	uint64_t count = 0;

	*copied = (struct spice_copied){.grabbed = copied->grabbed};
	spice->offered[selection] = 0;
	if (offer->types.length)
		count = cbor_get_array(&reader);
	while (count-- && !reader.error) {
		const struct slice name = cbor_get_text(&reader);
		const uint32_t type = reader.error ? 0 : spice_clipboard_type(name);
		const enum text_form form = clipboard_text_form(name);

		if (type == 0 || name.length >= sizeof(copied->name[0]) ||
		    (copied->name[type][0] && form <= best))
			continue;
		best = MAX(best, form);
		memcpy(copied->name[type], name.bytes, name.length);
		copied->name[type][name.length] = '\0';
		copied->serial = offer->serial;
	}
	tell(spice, selection);
}

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

	say_short(spice, SPICE_CLIPBOARD, &none, (struct slice){0});
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
	say_short(send->spice, SPICE_CLIPBOARD, &send->what,
		  text ? (struct slice){text, length} : (struct slice){send->bytes, send->length});
	free(text);
	send_free(send);
}

static const struct stream_handlers read_handlers = {.data = on_read_data,
						     .closed = on_read_closed};

static void client_requests(struct spice *spice, const struct spice_clipboard *wanted)
{
	const struct spice_copied *copied = &spice->copied[wanted->selection];
	struct clipboard_want want = {
		.serial = copied->serial,
		.selection = slice_of(selection_names[wanted->selection]),
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

/* --- The client has copied, the guest pastes ------------------------------------------------ */

static void offer_to_guest(struct spice *spice, uint8_t selection, const struct spice_grab *grab)
{
	uint8_t list[256], bytes[400];
	struct cbor_writer list_writer = CBOR_WRITER(list), writer = CBOR_WRITER(bytes);
	bool known[SPICE_CLIPBOARD_IMAGE_JPG + 1] = {false};
	struct clipboard_offer offer = {
		.selection = slice_of(selection_names[selection]),
		.serial = ++spice->last_serial,
	};
	size_t count = 0;

	for (size_t i = 0; grab && i < grab->count; i++) {
		if (!spice_clipboard_mime(grab->type[i]) || known[grab->type[i]])
			continue;
		known[grab->type[i]] = true;
		count++;
	}
	spice->offered[selection] = count ? offer.serial : 0;
	cbor_put_array(&list_writer, count);
	for (uint32_t type = 1; type < ARRAY_SIZE(known); type++) {
		if (known[type])
			cbor_put_text(&list_writer, slice_of(spice_clipboard_mime(type)));
	}
	offer.types = cbor_written(&list_writer);
	message_encode(&message_clipboard_offer, &offer, &writer);
	if (spice->clipboard)
		stream_message(spice->clipboard, SLICE_LITERAL("offer"), cbor_written(&writer));
}

static void client_grabs(struct spice *spice, const struct spice_grab *grab)
{
	/* What the guest has counts no more, and the client knows. */
	spice->copied[grab->selection] = (struct spice_copied){0};
	offer_to_guest(spice, grab->selection, grab);
}

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

static void client_answers(struct spice *spice, const struct spice_clipboard *said)
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

static void guest_wants(struct spice *spice, const struct clipboard_want *wanted, uint8_t selection)
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
		say_short(spice, SPICE_CLIPBOARD_REQUEST, &request, (struct slice){0});
}

/* --- Messages ------------------------------------------------------------------------------- */

static int selection_of(struct slice name)
{
	for (int i = 0; i < SPICE_SELECTIONS; i++) {
		if (slice_is(name, selection_names[i]))
			return i;
	}
	return -EINVAL;
}

static void on_guest_message(struct stream *stream, void *owner, struct slice name,
			     struct slice params)
{
	struct spice *spice = owner;
	struct clipboard_offer offer;
	struct clipboard_want want;

	(void)stream;
	if (slice_is(name, "offer") &&
	    message_decode(&message_clipboard_offer, params, &offer) == 0 &&
	    selection_of(offer.selection) >= 0)
		guest_offered(spice, &offer, (uint8_t)selection_of(offer.selection));
	else if (slice_is(name, "want") &&
		 message_decode(&message_clipboard_want, params, &want) == 0 &&
		 selection_of(want.selection) >= 0)
		guest_wants(spice, &want, (uint8_t)selection_of(want.selection));
}

static void on_attach_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct spice *spice = owner;

	(void)stream;
	spice->clipboard = NULL;
	for (uint8_t i = 0; i < SPICE_SELECTIONS; i++) {
		spice->copied[i] = (struct spice_copied){.grabbed = spice->copied[i].grabbed};
		spice->offered[i] = 0;
		if (spice->copied[i].grabbed)
			tell(spice, i);
	}
	/* Another desktop has the screen. */
	if (result->error != -ENOSYS && result->error != -ECONNRESET)
		spice_retry(spice);
}

static const struct stream_handlers attach_handlers = {.message = on_guest_message,
						       .closed = on_attach_closed};

void spice_clipboard_attach(struct spice *spice)
{
	if (!spice->clipboard &&
	    session_request(spice->session, SLICE_LITERAL("clipboard.attach"), (struct slice){0},
			    &attach_handlers, spice, &spice->clipboard) < 0)
		spice_retry(spice);
}

void spice_clipboard_message(struct spice *spice, enum spice_type type, struct slice payload)
{
	struct spice_clipboard said;
	struct spice_grab grab;

	if (!spice->session)
		return;
	if (type == SPICE_CLIPBOARD_GRAB) {
		if (spice_grab_parse(payload, spice->both, &grab) == 0 &&
		    is_known(spice, grab.selection))
			client_grabs(spice, &grab);
		return;
	}
	if (spice_clipboard_parse(type, payload, spice->both, &said) < 0 ||
	    !is_known(spice, said.selection))
		return;
	if (type == SPICE_CLIPBOARD_REQUEST)
		client_requests(spice, &said);
	else if (type == SPICE_CLIPBOARD_RELEASE)
		offer_to_guest(spice, said.selection, NULL);
	else
		client_answers(spice, &said);
}

void spice_clipboard_end(struct spice *spice)
{
	while (spice->sends)
		send_free(spice->sends);
	for (size_t i = 0; i < SPICE_WANTS; i++) {
		if (spice->wants[i].used)
			answer_want(spice, &spice->wants[i], ECONNRESET, (struct slice){0});
	}
	for (uint8_t i = 0; i < SPICE_SELECTIONS; i++) {
		spice->copied[i].grabbed = false;
		if (spice->offered[i])
			offer_to_guest(spice, i, NULL);
	}
}

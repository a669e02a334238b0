/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_guest_clipboard: GRAB is an offer, REQUEST a want, both ways. What the host gives is
 * collected before it is sent, since a message says its length first.
 */
#include "host/screen/spice/spice_guest_internal.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

#define TYPES	    (SPICE_CLIPBOARD_IMAGE_JPG + 1)
#define BIT(type)   (1U << (type))
#define QUEUE_BYTES (64U << 20) /* that the guest is behind: no more is promised */

static const char *const selection_names[SPICE_SELECTIONS] = {"clipboard", "primary"};

static int selection_of(struct slice name)
{
	for (int i = 0; i < SPICE_SELECTIONS; i++) {
		if (slice_is(name, selection_names[i]))
			return i;
	}
	return -EINVAL;
}

static void say_short(struct spice_guest *spice, enum spice_type type, uint8_t selection,
		      uint32_t clipboard_type, struct slice data)
{
	const struct spice_clipboard said = {.selection = selection, .type = clipboard_type};
	uint8_t bytes[SPICE_CLIPBOARD_SIZE];
	const size_t length = spice_clipboard_encode(type, &said, spice->both, bytes);

	spice_guest_say(spice, type, (struct slice){bytes, length}, data);
}

static bool is_known(const struct spice_guest *spice, uint8_t selection)
{
	return selection < SPICE_SELECTIONS && (selection == SPICE_SELECTION_CLIPBOARD ||
						spice->both & SPICE_CAP(CLIPBOARD_SELECTION));
}

/* --- The guest has copied ------------------------------------------------------------------- */

static void tell_host(struct spice_guest *spice, uint8_t selection)
{
	uint8_t list[256], bytes[400];
	struct cbor_writer list_writer = CBOR_WRITER(list), writer = CBOR_WRITER(bytes);
	const uint32_t types = spice->copied_types[selection];
	struct clipboard_offer offer = {
		.selection = slice_of(selection_names[selection]),
		.serial =
			spice->copied[selection] ? spice->copied[selection] : ++spice->last_serial,
	};

	if (!spice->clipboard)
		return;
	cbor_put_array(&list_writer, (size_t)__builtin_popcount(types));
	for (uint32_t type = 1; type < TYPES; type++) {
		if (types & BIT(type))
			cbor_put_text(&list_writer, slice_of(spice_clipboard_mime(type)));
	}
	offer.types = cbor_written(&list_writer);
	message_encode(&message_clipboard_offer, &offer, &writer);
	stream_message(spice->clipboard, SLICE_LITERAL("offer"), cbor_written(&writer));
}

static void guest_grabs(struct spice_guest *spice, uint8_t selection, const struct spice_grab *grab)
{
	uint32_t types = 0;

	for (size_t i = 0; grab && i < grab->count; i++) {
		if (spice_clipboard_mime(grab->type[i]))
			types |= BIT(grab->type[i]);
	}
	if (!types && !spice->copied[selection])
		return;
	if (types) {
		spice->offered[selection] = 0;
		spice->grabbed[selection] = false;
	}
	spice->copied_types[selection] = types;
	spice->copied[selection] = types ? ++spice->last_serial : 0;
	tell_host(spice, selection);
}

/* --- The host pastes ------------------------------------------------------------------------ */

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
	    (selection = selection_of(want.selection)) < 0) {
		stream_fail(stream, EINVAL, NULL);
		return;
	}
	type = spice_clipboard_type(want.type);
	if (!type || !(spice->copied_types[selection] & BIT(type)) ||
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
		say_short(spice, SPICE_CLIPBOARD_REQUEST, (uint8_t)selection, type,
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
static void guest_answers(struct spice_guest *spice, const struct spice_clipboard *said, int error)
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
		guest_answers(spice, &said, EFBIG);
}

/* --- The host has copied -------------------------------------------------------------------- */

static void tell_guest(struct spice_guest *spice, uint8_t selection)
{
	const uint32_t types = spice->offered[selection] ? spice->offered_types[selection] : 0;
	struct spice_grab grab = {.selection = selection};
	uint8_t bytes[SPICE_GRAB_SIZE];
	size_t length;

	if (!(spice->both & SPICE_CAP(CLIPBOARD_BY_DEMAND)) || !is_known(spice, selection))
		return;
	if (spice->grabbed[selection] &&
	    (!types || !(spice->both & SPICE_CAP(CLIPBOARD_NO_RELEASE_ON_REGRAB))))
		say_short(spice, SPICE_CLIPBOARD_RELEASE, selection, 0, (struct slice){0});
	spice->grabbed[selection] = types != 0;
	if (!types)
		return;
	for (uint32_t type = 1; type < TYPES; type++) {
		if (types & BIT(type))
			grab.type[grab.count++] = type;
	}
	length = spice_grab_encode(&grab, spice->both, bytes);
	spice_guest_say(spice, SPICE_CLIPBOARD_GRAB, (struct slice){bytes, length},
			(struct slice){0});
}

static void on_offer(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct spice_guest *spice = owner;
	struct clipboard_offer offer;
	struct cbor_reader reader;
	uint64_t count = 0;
	int selection;

	(void)stream;
	if (!slice_is(name, "offer") ||
	    message_decode(&message_clipboard_offer, params, &offer) < 0 ||
	    (selection = selection_of(offer.selection)) < 0)
		return;
	spice->copied[selection] = 0;
	spice->offered_types[selection] = 0;
	reader = CBOR_READER(offer.types);
	if (offer.types.length)
		count = cbor_get_array(&reader);
	while (count-- && !reader.error)
		spice->offered_types[selection] |=
			BIT(spice_clipboard_type(cbor_get_text(&reader)));
	spice->offered_types[selection] &= ~BIT(SPICE_CLIPBOARD_NONE);
	spice->offered[selection] = spice->offered_types[selection] ? offer.serial : 0;
	tell_guest(spice, (uint8_t)selection);
}

/* --- The guest pastes ----------------------------------------------------------------------- */

static void say_none(struct spice_guest *spice, uint8_t selection)
{
	say_short(spice, SPICE_CLIPBOARD, selection, SPICE_CLIPBOARD_NONE, (struct slice){0});
}

static void guest_requests(struct spice_guest *spice, const struct spice_clipboard *wanted)
{
	struct clipboard_want want = {
		.serial = spice->offered[wanted->selection],
		.selection = slice_of(selection_names[wanted->selection]),
	};
	size_t place = 0;
	uint8_t bytes[300];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	while (place < SPICE_WANTS && spice->asked[place].used)
		place++;
	if (!want.serial || wanted->type == 0 || wanted->type >= TYPES ||
	    !(spice->offered_types[wanted->selection] & BIT(wanted->type)) || !spice->clipboard ||
	    place == SPICE_WANTS || spice->wire.out.length > QUEUE_BYTES) {
		say_none(spice, wanted->selection);
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
		say_none(spice, wanted->selection);
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

	say_none(write->spice, write->selection);
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
	say_short(write->spice, SPICE_CLIPBOARD, write->selection, write->type,
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
		say_none(spice, asked.selection);
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

/* --- The stream ----------------------------------------------------------------------------- */

/* The host goes, and its offers. */
static void detach(struct spice_guest *spice)
{
	spice->clipboard = NULL;
	for (uint8_t i = 0; i < SPICE_SELECTIONS; i++) {
		spice->offered[i] = 0;
		if (spice->grabbed[i])
			tell_guest(spice, i);
	}
	for (size_t i = 0; i < SPICE_WANTS; i++) {
		if (spice->asked[i].used)
			say_none(spice, spice->asked[i].selection);
		spice->asked[i].used = false;
	}
}

static void on_cancelled(struct stream *stream, void *owner)
{
	detach(owner);
	stream_reply(stream, (struct slice){0});
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	detach(owner);
}

static const struct stream_handlers handlers = {
	.message = on_offer,
	.cancelled = on_cancelled,
	.closed = on_closed,
};

void spice_guest_clipboard_attach(struct spice_guest *spice, struct stream *stream)
{
	if (spice->clipboard) {
		stream_fail(stream, EBUSY, NULL);
		return;
	}
	spice->clipboard = stream;
	stream_set_handlers(stream, &handlers, spice);
	for (uint8_t i = 0; i < SPICE_SELECTIONS; i++) {
		if (spice->copied[i])
			tell_host(spice, i);
	}
}

void spice_guest_clipboard_begin(struct spice_guest *spice)
{
	for (uint8_t i = 0; i < SPICE_SELECTIONS; i++) {
		guest_grabs(spice, i, NULL);
		spice->grabbed[i] = false;
		tell_guest(spice, i);
	}
}

void spice_guest_clipboard_message(struct spice_guest *spice, enum spice_type type,
				   struct slice payload)
{
	struct spice_clipboard said;
	struct spice_grab grab;

	if (type == SPICE_CLIPBOARD_GRAB) {
		if (spice_grab_parse(payload, spice->both, &grab) == 0 &&
		    is_known(spice, grab.selection))
			guest_grabs(spice, grab.selection, &grab);
		return;
	}
	if (spice_clipboard_parse(type, payload, spice->both, &said) < 0 ||
	    !is_known(spice, said.selection))
		return;
	if (type == SPICE_CLIPBOARD_REQUEST)
		guest_requests(spice, &said);
	else if (type == SPICE_CLIPBOARD_RELEASE)
		guest_grabs(spice, said.selection, NULL);
	else
		guest_answers(spice, &said, 0);
}

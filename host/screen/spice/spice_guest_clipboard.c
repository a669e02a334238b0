/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_guest_clipboard: GRAB is an offer, REQUEST a want, both ways.
 */
#include "host/screen/spice/spice_guest_internal.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

static const char *const selection_names[SPICE_SELECTIONS] = {"clipboard", "primary"};

const char *spice_guest_selection_name(unsigned int selection)
{
	return selection_names[selection];
}

int spice_guest_selection(struct slice name)
{
	for (int i = 0; i < SPICE_SELECTIONS; i++) {
		if (slice_is(name, selection_names[i]))
			return i;
	}
	return -EINVAL;
}

void spice_guest_say_clipboard(struct spice_guest *spice, enum spice_type type, uint8_t selection,
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
		.selection = slice_of(spice_guest_selection_name(selection)),
		.serial =
			spice->copied[selection] ? spice->copied[selection] : ++spice->last_serial,
	};

	if (!spice->clipboard)
		return;
	cbor_put_array(&list_writer, (size_t)__builtin_popcount(types));
	for (uint32_t type = 1; type < SPICE_TYPES; type++) {
		if (types & SPICE_TYPE_BIT(type))
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
			types |= SPICE_TYPE_BIT(grab->type[i]);
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
		spice_guest_say_clipboard(spice, SPICE_CLIPBOARD_RELEASE, selection, 0,
					  (struct slice){0});
	spice->grabbed[selection] = types != 0;
	if (!types)
		return;
	for (uint32_t type = 1; type < SPICE_TYPES; type++) {
		if (types & SPICE_TYPE_BIT(type))
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
	    (selection = spice_guest_selection(offer.selection)) < 0)
		return;
	spice->copied[selection] = 0;
	spice->offered_types[selection] = 0;
	reader = CBOR_READER(offer.types);
	if (offer.types.length)
		count = cbor_get_array(&reader);
	while (count-- && !reader.error)
		spice->offered_types[selection] |=
			SPICE_TYPE_BIT(spice_clipboard_type(cbor_get_text(&reader)));
	spice->offered_types[selection] &= ~SPICE_TYPE_BIT(SPICE_CLIPBOARD_NONE);
	spice->offered[selection] = spice->offered_types[selection] ? offer.serial : 0;
	tell_guest(spice, (uint8_t)selection);
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
			spice_guest_say_none(spice, spice->asked[i].selection);
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
		spice_guest_clipboard_request(spice, &said);
	else if (type == SPICE_CLIPBOARD_RELEASE)
		guest_grabs(spice, said.selection, NULL);
	else
		spice_guest_clipboard_answer(spice, &said, 0);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_clipboard: GRAB is an offer, REQUEST a want, both ways.
 */
#include "guest-agent/agent/spice/spice_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/clipboard_text.h"

#include <errno.h>
#include <stdlib.h>

static const char *const selection_names[SPICE_SELECTIONS] = {"clipboard", "primary"};

const char *spice_selection_name(uint8_t selection)
{
	return selection_names[selection];
}

void spice_clipboard_say(struct spice *spice, enum spice_type type,
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
		spice_clipboard_say(spice, SPICE_CLIPBOARD_RELEASE, &release, (struct slice){0});
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

/* --- The client has copied, the guest pastes ------------------------------------------------ */

static void offer_to_guest(struct spice *spice, uint8_t selection, const struct spice_grab *grab)
{
	uint8_t list[256], bytes[400];
	struct cbor_writer list_writer = CBOR_WRITER(list), writer = CBOR_WRITER(bytes);
	bool known[SPICE_CLIPBOARD_IMAGE_JPG + 1] = {false};
	struct clipboard_offer offer = {
		.selection = slice_of(spice_selection_name(selection)),
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
		spice_clipboard_want(spice, &want, (uint8_t)selection_of(want.selection));
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
		spice_clipboard_request(spice, &said);
	else if (type == SPICE_CLIPBOARD_RELEASE)
		offer_to_guest(spice, said.selection, NULL);
	else
		spice_clipboard_answer(spice, &said);
}

void spice_clipboard_end(struct spice *spice)
{
	spice_clipboard_drop_sends(spice);
	spice_clipboard_drop_wants(spice);
	for (uint8_t i = 0; i < SPICE_SELECTIONS; i++) {
		spice->copied[i].grabbed = false;
		if (spice->offered[i])
			offer_to_guest(spice, i, NULL);
	}
}

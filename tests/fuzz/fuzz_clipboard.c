/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: screen http sandbox arguments pump relay busloop protocol base
/*
 * The clipboard: texts of any kind, and a guest that offers, wants and answers what it likes. The
 * first byte chooses. Both ends of the guest's session are here, without sockets in between.
 */
#include "host/screen/clipboard.h"
#include "protocol/base/bytes.h"
#include "protocol/base/utf8.h"

#include <stdlib.h>

/* --- Texts ---------------------------------------------------------------------------------- */

static void check_text(const uint8_t *text, size_t length)
{
	uint32_t character;
	size_t taken;

	for (size_t at = 0; at < length; at += taken) {
		taken = utf8_character(text + at, length - at, &character);
		if (!taken || character == '\r' || character == '\0')
			abort();
	}
}

static void try_text(enum text_form form, struct slice text)
{
	uint8_t *result, *other;
	size_t length, other_length;

	if (form == TEXT_NONE || clipboard_text_normalise(form, text, &result, &length) < 0)
		return;
	if (length > text.length * 3)
		abort();
	check_text(result, length);
	if (clipboard_text_to_latin1((struct slice){result, length}, &other, &other_length) == 0) {
		if (other_length > length)
			abort();
		free(other);
	}
	if (clipboard_text_to_crlf((struct slice){result, length}, &other, &other_length) == 0) {
		if (other_length < length || other[other_length] != '\0')
			abort();
		free(other);
	}
	free(result);
}

/* --- A guest -------------------------------------------------------------------------------- */

struct world {
	uv_loop_t loop;
	struct clipboard *clipboard;
	struct session *host, *guest;
	struct stream *attach, *reads[8];
	struct viewer viewer;
	uint64_t told; /* serial of the host's last offer */
	const uint8_t *bytes;
	size_t length;
};

static uint8_t next(struct world *world)
{
	if (world->length == 0)
		return 0;
	world->length--;
	return *world->bytes++;
}

static struct slice some(struct world *world, size_t most)
{
	const size_t said = next(world);
	const size_t length = MIN(MIN(said, most), world->length);
	const struct slice slice = {world->bytes, length};

	world->bytes += length;
	world->length -= length;
	return slice;
}

static void guest_message(struct stream *stream, void *owner, struct slice name,
			  struct slice params)
{
	struct world *world = owner;
	struct clipboard_offer offer;

	(void)stream;
	if (!slice_is(name, "offer") ||
	    message_decode(&message_clipboard_offer, params, &offer) < 0)
		abort();
	world->told = offer.serial;
}

static void guest_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct world *world = owner;

	(void)result;
	if (world->attach == stream)
		world->attach = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(world->reads); i++) {
		if (world->reads[i] == stream)
			world->reads[i] = NULL;
	}
}

static const struct stream_handlers guest_handlers = {.message = guest_message,
						      .closed = guest_closed};

static void guest_request(void *owner, struct stream *stream, struct slice method,
			  struct slice params)
{
	struct world *world = owner;

	(void)params;
	stream_set_handlers(stream, &guest_handlers, world);
	if (slice_is(method, "clipboard.attach")) {
		world->attach = stream;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(world->reads); i++) {
		if (!world->reads[i]) {
			world->reads[i] = stream;
			return;
		}
	}
	stream_fail(stream, EAGAIN, NULL);
}

static void host_established(void *owner, const struct session_peer *peer)
{
	struct world *world = owner;

	(void)peer;
	clipboard_guest_established(world->clipboard, world->host);
}

static void on_lost(void *owner, int reason)
{
	(void)owner;
	(void)reason;
}

static void on_wake(void *owner)
{
	(void)owner;
}

static uint64_t on_random(void *owner)
{
	(void)owner;
	return 4711;
}

static const struct session_handlers host_handlers = {
	.established = host_established,
	.lost = on_lost,
	.wake = on_wake,
	.random = on_random,
};
static const struct session_handlers guest_session_handlers = {
	.lost = on_lost,
	.request = guest_request,
	.wake = on_wake,
	.random = on_random,
};

/* Carry bytes both ways until there are none. */
static void carry(const struct world *world)
{
	static uint8_t bytes[64 * 1024];
	size_t there, back;

	do {
		there = session_output(world->host, bytes, sizeof(bytes));
		if (there)
			session_receive(world->guest, bytes, there);
		back = session_output(world->guest, bytes, sizeof(bytes));
		if (back)
			session_receive(world->host, bytes, back);
	} while (there || back);
}

static void on_pasted(void *owner, int error, struct slice bytes)
{
	(void)owner;
	if (!error && bytes.length > CLIPBOARD_VIEWER_MAX)
		abort();
}

static void on_changed(void *owner, struct viewer *by)
{
	(void)owner;
	(void)by;
}

static struct slice selection_of(uint8_t byte)
{
	return byte & 1	  ? SLICE_LITERAL("primary")
	       : byte & 2 ? SLICE_LITERAL("neither")
			  : SLICE_LITERAL("clipboard");
}

static void guest_offers(struct world *world)
{
	static const char *const known[] = {CLIPBOARD_TEXT,   "UTF8_STRING", "text/plain", "STRING",
					    "image/png",      "text/html",   "a/b",	   "",
					    CLIPBOARD_SECRET, "TARGETS"};
	uint8_t list[2048], bytes[2200];
	struct cbor_writer list_writer = CBOR_WRITER(list), writer = CBOR_WRITER(bytes);
	const uint8_t head = next(world);
	const size_t count = next(world) % 70;
	struct clipboard_offer offer = {
		.selection = selection_of(head),
		.serial = next(world),
		.secret = head & 4,
	};

	cbor_put_array(&list_writer, count);
	for (size_t i = 0; i < count; i++) {
		const uint8_t which = next(world);

		cbor_put_text(&list_writer, which < ARRAY_SIZE(known) ? slice_of(known[which])
								      : SLICE_LITERAL("x/y"));
	}
	offer.types = cbor_written(&list_writer);
	message_encode(&message_clipboard_offer, &offer, &writer);
	if (world->attach)
		stream_message(world->attach, SLICE_LITERAL("offer"), cbor_written(&writer));
}

static void guest_wants(struct world *world)
{
	const uint8_t head = next(world);
	const struct clipboard_want want = {
		.id = next(world),
		.serial = head & 8 ? world->told : next(world),
		.selection = selection_of(head),
		.type = head & 16 ? SLICE_LITERAL(CLIPBOARD_TEXT) : SLICE_LITERAL("image/png"),
	};
	uint8_t bytes[300];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_clipboard_want, &want, &writer);
	if (world->attach)
		stream_message(world->attach, SLICE_LITERAL("want"), cbor_written(&writer));
}

static void guest_answers(struct world *world)
{
	const uint8_t head = next(world);
	struct stream **place = &world->reads[head % ARRAY_SIZE(world->reads)];
	struct stream *stream = *place;
	const struct slice bytes = some(world, 200);

	if (!stream)
		return;
	stream_send(stream, head & 8 ? 0 : 1, bytes.bytes, bytes.length);
	if (!(head & 0x30))
		return;
	*place = NULL;
	if (head & 0x10)
		stream_reply(stream, (struct slice){0});
	else
		stream_fail(stream, next(world), NULL);
}

static void host_acts(struct world *world)
{
	const uint8_t head = next(world);
	const enum clipboard_selection selection =
		head & 1 ? CLIPBOARD_PRIMARY : CLIPBOARD_CLIPBOARD;
	struct viewer *viewer = &world->viewer;
	struct clipboard_types types;
	struct clipboard_paste *paste;
	struct slice bytes;

	if (head & 2) {
		bytes = some(world, 200);
		(void)!clipboard_copied_bytes(world->clipboard, viewer, selection,
					      head & 4 ? CLIPBOARD_TEXT : "image/png", bytes.bytes,
					      bytes.length);
	} else if (head & 4) {
		clipboard_set_policy(world->clipboard,
				     (struct clipboard_policy){
					     .to_guest = head >> 3 & CLIPBOARD_ALL,
					     .to_host = head >> 4 & CLIPBOARD_ALL,
					     .primary = head & 0x20,
				     });
	} else {
		types = clipboard_types(world->clipboard, viewer, selection);
		if (types.count)
			(void)!clipboard_paste(world->clipboard, viewer, selection,
					       types.type[head % types.count], 100, on_pasted,
					       world, &paste);
	}
}

static void play(struct world *world)
{
	unsigned int sleeps = 0;

	while (world->length) {
		switch (next(world) % 6) {
		case 0:
			guest_offers(world);
			break;
		case 1:
			guest_wants(world);
			break;
		case 2:
			guest_answers(world);
			break;
		case 3:
			host_acts(world);
			break;
		case 4:
			/* Offers settle. */
			if (sleeps++ < 2)
				uv_sleep(25);
			uv_update_time(&world->loop);
			uv_run(&world->loop, UV_RUN_NOWAIT);
			break;
		default:
			clipboard_guest_changed(world->clipboard);
			break;
		}
		carry(world);
	}
}

static void try_guest(const uint8_t *bytes, size_t length)
{
	static const char *const capabilities[] = {"clipboard", NULL};
	struct world world = {.bytes = bytes, .length = length};

	uv_loop_init(&world.loop);
	world.clipboard = clipboard_new(&world.loop, on_changed, &world);
	world.host = session_new(SESSION_HOST, "host", capabilities, &host_handlers, &world);
	world.guest =
		session_new(SESSION_GUEST, "guest", capabilities, &guest_session_handlers, &world);
	session_start(world.host);
	carry(&world);
	clipboard_set_policy(world.clipboard, (struct clipboard_policy){.to_guest = CLIPBOARD_ALL,
									.to_host = CLIPBOARD_ALL,
									.primary = true});
	play(&world);
	clipboard_forget(world.clipboard, &world.viewer);
	clipboard_guest_lost(world.clipboard);
	session_free(world.guest);
	session_free(world.host);
	clipboard_free(world.clipboard);
	uv_run(&world.loop, UV_RUN_NOWAIT);
	uv_run(&world.loop, UV_RUN_NOWAIT);
	if (uv_loop_close(&world.loop) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length < 2)
		return 0;
	if (*bytes & 1)
		try_guest(bytes + 1, length - 1);
	else
		try_text((enum text_form)(*bytes >> 1 & 3), (struct slice){bytes + 1, length - 1});
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard: the service, its backends, and who has offered what
 *
 * Several hosts may be attached; each is told what the desktop copies, and the last offer of any of
 * them is the desktop's until that host goes.
 */
#include "guest-agent/session/clipboard/clipboard_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>

static const struct clipboard_backend *const backends[] = {
	&clipboard_wayland,
	&clipboard_x11,
};

static const char *const selection_names[CLIPBOARD_SELECTIONS] = {"clipboard", "primary"};

const char *selection_name(enum clipboard_selection selection)
{
	return selection_names[selection];
}

int selection_parse(struct slice name, enum clipboard_selection *selection)
{
	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++) {
		if (slice_is(name, selection_names[i])) {
			*selection = (enum clipboard_selection)i;
			return 0;
		}
	}
	return -EINVAL;
}

void offered_add(struct offered *offered, struct slice type)
{
	char *name = offered->name[MIN(offered->count, (size_t)CLIPBOARD_MAX_TYPES - 1)];

	if (type.length == 0 || type.length > CLIPBOARD_TYPE_MAX ||
	    offered->count == CLIPBOARD_MAX_TYPES)
		return;
	for (size_t i = 0; i < offered->count; i++) {
		if (slice_is(type, offered->name[i]))
			return;
	}
	memcpy(name, type.bytes, type.length);
	name[type.length] = '\0';
	offered->type[offered->count++] = name;
	offered->type[offered->count] = NULL;
}

/* --- What the desktop has copied ------------------------------------------------------------ */

static void tell(const struct clipboard *clipboard, struct stream *stream,
		 enum clipboard_selection selection)
{
	const struct offered *copied = &clipboard->copied[selection];
	uint8_t list[CLIPBOARD_MAX_TYPES * (CLIPBOARD_TYPE_MAX + 3) + 8];
	uint8_t bytes[sizeof(list) + 128];
	struct cbor_writer list_writer = CBOR_WRITER(list), writer = CBOR_WRITER(bytes);
	struct clipboard_offer offer = {
		.selection = slice_of(selection_name(selection)),
		.serial = copied->serial,
		.secret = copied->secret,
	};
	int error;

	cbor_put_array(&list_writer, copied->count);
	for (size_t i = 0; i < copied->count; i++)
		cbor_put_text(&list_writer, slice_of(copied->name[i]));
	offer.types = cbor_written(&list_writer);
	message_encode(&message_clipboard_offer, &offer, &writer);
	error = stream_message(stream, SLICE_LITERAL("offer"), cbor_written(&writer));
	if (error)
		log_debug("the host is not told what was copied: %s", error_text(error));
}

void clipboard_copied(struct clipboard *clipboard, enum clipboard_selection selection,
		      const char *const *types, size_t count)
{
	struct offered *copied = &clipboard->copied[selection];
	const bool was_empty = copied->count == 0;

	*copied = (struct offered){.serial = ++clipboard->last_serial};
	for (size_t i = 0; i < count; i++) {
		const struct slice type = slice_of(types[i]);

		if (slice_is(type, CLIPBOARD_SECRET))
			copied->secret = true;
		else if (clipboard_text_form(type) != TEXT_NONE || clipboard_type_passes(type))
			offered_add(copied, type);
	}
	if (was_empty && copied->count == 0)
		return;
	for (size_t i = 0; i < CLIPBOARD_ATTACHED; i++) {
		if (clipboard->attached[i])
			tell(clipboard, clipboard->attached[i], selection);
	}
}

/* --- What the host has copied --------------------------------------------------------------- */

static void pass_on(struct clipboard *clipboard, enum clipboard_selection selection)
{
	const struct offered *host = &clipboard->host[selection];
	static const char *const nothing[] = {NULL};

	/* Nobody is told: the host knows that its own offer counts now. */
	if (host->count)
		clipboard->copied[selection].count = 0;
	clipboard->backend->offer(clipboard->backend_state, selection,
				  host->count ? host->type : nothing);
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct clipboard *clipboard = owner;
	enum clipboard_selection selection;
	struct clipboard_offer offer;
	struct cbor_reader reader;
	struct offered *host;
	uint64_t count = 0;

	if (!slice_is(name, "offer") ||
	    message_decode(&message_clipboard_offer, params, &offer) < 0 ||
	    selection_parse(offer.selection, &selection) < 0)
		return;
	host = &clipboard->host[selection];
	*host = (struct offered){.by = stream, .serial = offer.serial};
	reader = CBOR_READER(offer.types);
	if (offer.types.length)
		count = cbor_get_array(&reader);
	while (count-- && !reader.error) {
		const struct slice type = cbor_get_text(&reader);

		if (!reader.error &&
		    (clipboard_text_form(type) != TEXT_NONE || clipboard_type_passes(type)))
			offered_add(host, type);
	}
	if (offer.secret && host->count)
		offered_add(host, SLICE_LITERAL(CLIPBOARD_SECRET));
	pass_on(clipboard, selection);
}

/* --- Hosts ---------------------------------------------------------------------------------- */

static void detach(struct clipboard *clipboard, const struct stream *stream)
{
	for (size_t i = 0; i < CLIPBOARD_ATTACHED; i++) {
		if (clipboard->attached[i] == stream)
			clipboard->attached[i] = NULL;
	}
	transfer_end_all(clipboard, stream, -ECONNRESET);
	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++) {
		if (clipboard->host[i].by != stream)
			continue;
		clipboard->host[i] = (struct offered){0};
		pass_on(clipboard, (enum clipboard_selection)i);
	}
}

static void on_cancelled(struct stream *stream, void *owner)
{
	detach(owner, stream);
	stream_reply(stream, (struct slice){0});
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)result;
	detach(owner, stream);
}

static const struct stream_handlers handlers = {
	.message = on_message,
	.cancelled = on_cancelled,
	.closed = on_closed,
};

static void clipboard_attach(void *state, struct stream *stream, struct slice params)
{
	struct clipboard *clipboard = state;
	size_t place = 0;

	(void)params;
	while (place < CLIPBOARD_ATTACHED && clipboard->attached[place])
		place++;
	if (place == CLIPBOARD_ATTACHED) {
		stream_fail(stream, EAGAIN, "too many are attached");
		return;
	}
	clipboard->attached[place] = stream;
	stream_set_handlers(stream, &handlers, clipboard);
	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++) {
		if (clipboard->copied[i].count)
			tell(clipboard, stream, (enum clipboard_selection)i);
	}
}

static void clipboard_read(void *state, struct stream *stream, struct slice params)
{
	reading_begin(state, stream, params);
}

static void clipboard_write(void *state, struct stream *stream, struct slice params)
{
	transfer_write(state, stream, params);
}

/* --- The service ---------------------------------------------------------------------------- */

static int start(const struct service_context *context, void **state)
{
	struct clipboard *clipboard = calloc(1, sizeof(*clipboard));
	int error = -ENOTSUP;

	if (!clipboard)
		return -ENOMEM;
	clipboard->context = context;
	for (size_t i = 0; error && i < ARRAY_SIZE(backends); i++) {
		clipboard->backend = backends[i];
		error = backends[i]->start(context, clipboard, &clipboard->backend_state);
		if (error && error != -ENOTSUP)
			log_debug("no clipboard by %s: %s", backends[i]->name, error_text(error));
	}
	if (error) {
		free(clipboard);
		return -ENOTSUP;
	}
	log_debug("the clipboard is spoken with by %s", clipboard->backend->name);
	*state = clipboard;
	return 0;
}

static void stop(void *state)
{
	struct clipboard *clipboard = state;

	reading_end_all(clipboard);
	transfer_end_all(clipboard, NULL, -ECANCELED);
	clipboard->backend->stop(clipboard->backend_state);
	free(clipboard);
}

const struct service session_service_clipboard = {
	.name = "clipboard",
	.summary = "copies and pastes between the desktop and the host",
	.start = start,
	.stop = stop,
	.methods =
		(const struct service_method[]){
			{"clipboard.attach", clipboard_attach},
			{"clipboard.read", clipboard_read},
			{"clipboard.write", clipboard_write},
			{NULL, NULL},
		},
};

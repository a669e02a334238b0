/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard_paste: the desktop pastes what the host has copied
 *
 * A transfer is one "want" and its answer; all who paste the same thing meanwhile wait for it.
 */
#include "guest-agent/session/clipboard/clipboard_internal.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

struct clipboard_paste {
	struct transfer *transfer;
	struct clipboard_paste *next;
	enum text_form form; /* TEXT_LATIN1: as that; else as it came */
	bool to_gnome;	     /* FILES came */
	clipboard_pasted *done;
	void *owner;
};

struct transfer {
	struct clipboard *clipboard;
	struct transfer *next;
	uint64_t id;
	enum clipboard_selection selection;
	uint64_t serial;
	struct stream *attached; /* over which it was asked for */
	struct stream *stream;	 /* that answers; NULL: not yet */
	char type[CLIPBOARD_TYPE_MAX + 1];
	uint8_t *bytes;
	size_t length, capacity;
	uv_timer_t timer;
	struct clipboard_paste *pastes;
};

/* How files that were copied are called by most, and by GNOME's programs and their kin: "copy" and
 * the addresses, a line each, without a line end behind the last. */
#define FILES	    "text/uri-list"
#define FILES_GNOME "x-special/gnome-copied-files"

/* --- Names ---------------------------------------------------------------------------------- */

static const char *const text_names[] = {
	CLIPBOARD_TEXT, "UTF8_STRING", "text/plain", "STRING", "TEXT",
};

_Static_assert(ARRAY_SIZE(text_names) - 1 + 1 == CLIPBOARD_MORE_TYPES,
	       "one name of text stands for all; and files have two");

static bool is_among(const char *const *types, const char *type)
{
	for (; *types; types++) {
		if (strcmp(*types, type) == 0)
			return true;
	}
	return false;
}

size_t clipboard_expand(const char *const *types, const char **expanded)
{
	const bool lacks_gnome = is_among(types, FILES) && !is_among(types, FILES_GNOME);
	bool has_text = false;
	size_t count = 0;

	if (lacks_gnome)
		expanded[count++] = FILES_GNOME;
	for (; *types; types++) {
		if (clipboard_text_form(slice_of(*types)) == TEXT_NONE) {
			expanded[count++] = *types;
			continue;
		}
		for (size_t i = 0; i < ARRAY_SIZE(text_names) && !has_text; i++)
			expanded[count++] = text_names[i];
		has_text = true;
	}
	return count;
}

/* What the host calls it; NULL: it has none. */
static const char *host_type(const struct offered *host, const char *type)
{
	const enum text_form form = clipboard_text_form(slice_of(type));

	for (size_t i = 0; i < host->count; i++) {
		if (strcmp(host->name[i], type) == 0 ||
		    (form != TEXT_NONE &&
		     clipboard_text_form(slice_of(host->name[i])) != TEXT_NONE))
			return host->name[i];
	}
	return strcmp(type, FILES_GNOME) == 0 && is_among(host->type, FILES) ? FILES : NULL;
}

/* text/uri-list as FILES_GNOME: lines end with CRLF there (RFC 2483), and comments begin with "#".
 * malloc()ed; never NULL for lack of lines. */
static int to_gnome(struct slice list, uint8_t **result, size_t *length)
{
	static const char head[] = "copy";
	size_t filled = sizeof(head) - 1, end;
	/* Each line takes no more than it did, but for the last, which may have no end. */
	uint8_t *bytes = malloc(filled + list.length + 1);

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, head, filled);
	for (size_t at = 0; at < list.length; at = end + 1) {
		const uint8_t *newline = memchr(list.bytes + at, '\n', list.length - at);
		size_t line;

		end = newline ? (size_t)(newline - list.bytes) : list.length;
		line = end - at;
		if (line && list.bytes[end - 1] == '\r')
			line--;
		if (line == 0 || list.bytes[at] == '#')
			continue;
		bytes[filled++] = '\n';
		memcpy(bytes + filled, list.bytes + at, line);
		filled += line;
	}
	*result = bytes;
	*length = filled;
	return 0;
}

/* --- Transfers ------------------------------------------------------------------------------ */

static void on_released(uv_handle_t *timer)
{
	free(timer->data);
}

static void unlink_transfer(struct transfer *transfer)
{
	struct transfer **place = &transfer->clipboard->transfers;

	while (*place != transfer)
		place = &(*place)->next;
	*place = transfer->next;
}

/* One of those who wait is told; the bytes are those of @transfer. */
static void deliver(const struct transfer *transfer, struct clipboard_paste *paste, int error)
{
	struct slice bytes = {transfer->bytes, transfer->length};
	uint8_t *converted = NULL;
	size_t length = 0;

	if (!error && paste->form == TEXT_LATIN1) {
		error = clipboard_text_to_latin1(bytes, &converted, &length);
		bytes = (struct slice){converted, length};
	}
	if (!error && paste->to_gnome) {
		error = to_gnome(bytes, &converted, &length);
		bytes = (struct slice){converted, length};
	}
	if (error)
		bytes.length = 0;
	paste->done(paste->owner, error, bytes);
	free(converted);
	free(paste);
}

/* The stream, if there is one, has been answered or is answered by the caller. */
static void transfer_end(struct transfer *transfer, int error)
{
	uv_timer_stop(&transfer->timer);
	unlink_transfer(transfer);
	/* Somebody who is told may cancel others. */
	while (transfer->pastes) {
		struct clipboard_paste *paste = transfer->pastes;

		transfer->pastes = paste->next;
		deliver(transfer, paste, error);
	}
	free(transfer->bytes);
	uv_close((uv_handle_t *)&transfer->timer, on_released);
}

static void transfer_fail(struct transfer *transfer, int error)
{
	struct stream *stream = transfer->stream;

	transfer_end(transfer, error);
	if (stream)
		stream_fail(stream, error, NULL);
}

static void on_late(uv_timer_t *timer)
{
	transfer_fail(timer->data, -ETIMEDOUT);
}

void transfer_end_all(struct clipboard *clipboard, const struct stream *attached, int error)
{
	struct transfer *transfer = clipboard->transfers;

	while (transfer) {
		if (attached && transfer->attached != attached) {
			transfer = transfer->next;
			continue;
		}
		transfer_fail(transfer, error);
		transfer = clipboard->transfers; /* who was told may have changed the list */
	}
}

static int ask(struct clipboard *clipboard, enum clipboard_selection selection, const char *type,
	       struct transfer **result)
{
	const struct offered *host = &clipboard->host[selection];
	struct transfer *transfer = calloc(1, sizeof(*transfer));
	const struct clipboard_want want = {
		.id = ++clipboard->last_id,
		.serial = host->serial,
		.selection = slice_of(selection_name(selection)),
		.type = slice_of(type),
	};
	uint8_t bytes[512];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	if (!transfer)
		return -ENOMEM;
	message_encode(&message_clipboard_want, &want, &writer);
	if (stream_message(host->by, SLICE_LITERAL("want"), cbor_written(&writer)) < 0) {
		free(transfer);
		return -EAGAIN;
	}
	transfer->clipboard = clipboard;
	transfer->id = want.id;
	transfer->selection = selection;
	transfer->serial = host->serial;
	transfer->attached = host->by;
	strcpy(transfer->type, type); /* both are of CLIPBOARD_TYPE_MAX */
	uv_timer_init(clipboard->context->loop, &transfer->timer);
	transfer->timer.data = transfer;
	uv_timer_start(&transfer->timer, on_late, CLIPBOARD_TIMEOUT_MS, 0);
	transfer->next = clipboard->transfers;
	clipboard->transfers = transfer;
	*result = transfer;
	return 0;
}

int clipboard_paste(struct clipboard *clipboard, enum clipboard_selection selection,
		    const char *type, clipboard_pasted *done, void *owner,
		    struct clipboard_paste **result)
{
	const struct offered *host = &clipboard->host[selection];
	const char *name = host_type(host, type);
	unsigned int transfers = 0, waiting = 0;
	struct transfer *same = NULL;
	struct clipboard_paste *paste;
	int error;

	if (!name)
		return -ENOENT;
	for (struct transfer *t = clipboard->transfers; t; t = t->next) {
		transfers++;
		if (t->selection == selection && t->serial == host->serial &&
		    t->attached == host->by && strcmp(t->type, name) == 0)
			same = t;
		for (paste = t->pastes; paste; paste = paste->next)
			waiting++;
	}
	if (waiting >= CLIPBOARD_WAITING || (!same && transfers >= CLIPBOARD_TRANSFERS))
		return -EAGAIN;
	paste = calloc(1, sizeof(*paste));
	if (!paste)
		return -ENOMEM;
	error = same ? 0 : ask(clipboard, selection, name, &same);
	if (error) {
		free(paste);
		return error;
	}
	*paste = (struct clipboard_paste){
		.transfer = same,
		.next = same->pastes,
		.form = clipboard_text_form(slice_of(type)),
		.to_gnome = strcmp(type, name) != 0 && strcmp(name, FILES) == 0,
		.done = done,
		.owner = owner,
	};
	same->pastes = paste;
	*result = paste;
	return 0;
}

void clipboard_paste_cancel(struct clipboard_paste *paste)
{
	struct transfer *transfer = paste->transfer;
	struct clipboard_paste **place = &transfer->pastes;

	/* Of a transfer that is ending the list goes on without it. */
	while (*place != paste)
		place = &(*place)->next;
	*place = paste->next;
	free(paste);
}

/* --- The answer ----------------------------------------------------------------------------- */

/* What all transfers hold together is bounded. */
static int grow(struct transfer *transfer, size_t more)
{
	size_t held = 0, wanted = transfer->length + more, capacity;
	uint8_t *bytes;

	for (const struct transfer *t = transfer->clipboard->transfers; t; t = t->next)
		held += t->length;
	if (more > CLIPBOARD_MAX_BYTES - transfer->length || held + more > 2 * CLIPBOARD_MAX_BYTES)
		return -EFBIG;
	if (wanted <= transfer->capacity)
		return 0;
	capacity = MAX(wanted, MIN(transfer->capacity * 2, (size_t)CLIPBOARD_MAX_BYTES));
	bytes = realloc(transfer->bytes, capacity);
	if (!bytes)
		return -ENOMEM;
	transfer->bytes = bytes;
	transfer->capacity = capacity;
	return 0;
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct transfer *transfer = owner;
	int error;

	stream_consumed(stream, channel, bytes.length);
	if (channel != 0 || bytes.length == 0)
		return;
	error = grow(transfer, bytes.length);
	if (error) {
		transfer_fail(transfer, error);
		return;
	}
	memcpy(transfer->bytes + transfer->length, bytes.bytes, bytes.length);
	transfer->length += bytes.length;
	uv_timer_start(&transfer->timer, on_late, CLIPBOARD_TIMEOUT_MS, 0);
}

static void on_end(struct stream *stream, void *owner, unsigned int channel)
{
	if (channel != 0)
		return;
	transfer_end(owner, 0);
	stream_reply(stream, (struct slice){0});
}

static void on_cancelled(struct stream *stream, void *owner)
{
	(void)stream;
	transfer_fail(owner, -ECANCELED);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	transfer_end(owner, -ECONNRESET);
}

static const struct stream_handlers handlers = {
	.data = on_data,
	.end = on_end,
	.cancelled = on_cancelled,
	.closed = on_closed,
};

void transfer_write(struct clipboard *clipboard, struct stream *stream, struct slice params)
{
	struct transfer *transfer = clipboard->transfers;
	struct clipboard_write said;

	if (message_decode(&message_clipboard_write, params, &said) < 0) {
		stream_fail(stream, EINVAL, "malformed parameters");
		return;
	}
	while (transfer && (transfer->id != said.id || transfer->stream))
		transfer = transfer->next;
	if (!transfer || !transfer->pastes) {
		if (transfer)
			transfer_end(transfer, 0);
		stream_fail(stream, ESTALE, "nobody waits for it");
	} else if (said.number) {
		transfer_end(transfer, -(int)said.number);
		stream_reply(stream, (struct slice){0});
	} else {
		transfer->stream = stream;
		stream_set_handlers(stream, &handlers, transfer);
	}
}

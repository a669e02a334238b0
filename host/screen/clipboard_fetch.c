/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard_fetch: bytes are fetched when somebody pastes. Who pastes the same thing meanwhile
 * waits with the first. A fetch ends by its owner, by silence, by size, or because what was offered
 * is no more; those who wait are told from the loop, never from within what they called.
 */
#include "host/screen/clipboard_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>

#define DEADLINE_MS (5 * 60 * 1000) /* of a whole fetch, however steadily it drips */

int grow(struct clipboard *clipboard, uint8_t **bytes, size_t length, size_t more, size_t *capacity)
{
	size_t wanted = MAX(*capacity, 4096);
	size_t others = clipboard->bytes_held - *capacity;
	uint8_t *larger;

	if (more > CLIPBOARD_MAX_BYTES || length + more > CLIPBOARD_MAX_BYTES)
		return -EFBIG;
	if (length + more <= *capacity)
		return 0;
	while (wanted < length + more)
		wanted *= 2;
	if (others + wanted > CLIPBOARD_MAX_BYTES)
		return -EFBIG;
	larger = realloc(*bytes, wanted);
	if (!larger)
		return -ENOMEM;
	*bytes = larger;
	*capacity = wanted;
	clipboard->bytes_held = others + wanted;
	return 0;
}

/* --- The end of a fetch --------------------------------------------------------------------- */

static void on_released(uv_handle_t *timer)
{
	free(timer->data);
}

static void fetch_free(struct fetch *fetch)
{
	struct fetch **place = &fetch->clipboard->fetches;

	while (*place != fetch)
		place = &(*place)->next;
	*place = fetch->next;
	guest_fetch_cancel(fetch);
	fetch->clipboard->bytes_held -= fetch->capacity;
	free(fetch->bytes);
	blob_drop(fetch->held);
	uv_close((uv_handle_t *)&fetch->timer, on_released);
}

/* What those who wait are given. */
static struct blob *fetch_result(struct fetch *fetch)
{
	struct slice bytes = {fetch->bytes, fetch->length};
	uint8_t *text, *copy;
	size_t length;

	if (fetch->held)
		bytes = (struct slice){fetch->held->bytes, fetch->held->length};
	if (fetch->form != TEXT_NONE) {
		if (clipboard_text_normalise(fetch->form, bytes, &text, &length) < 0)
			return NULL;
		return blob_new(text, length);
	}
	if (fetch->held)
		return blob_hold(fetch->held);
	/* Handed over: those who hold it longer bound their number. */
	copy = take_ptr(fetch->bytes);
	fetch->clipboard->bytes_held -= fetch->capacity;
	fetch->capacity = 0;
	return blob_new(copy, fetch->length);
}

/* Each is taken out before it is called: it may cancel others, or begin anew. */
static void fetch_deliver(struct fetch *fetch)
{
	struct blob *blob = fetch->error ? NULL : fetch_result(fetch);
	int error = fetch->error ? fetch->error : blob ? 0 : -ENOMEM;

	while (fetch->pastes) {
		struct clipboard_paste *paste = fetch->pastes;
		const bool fits = blob && blob->length <= paste->max_bytes;

		fetch->pastes = paste->next;
		paste->fetch = NULL;
		paste->blob = fits ? blob : NULL;
		paste->done(paste->owner,
			    error  ? error
			    : fits ? 0
				   : -EFBIG,
			    fits ? (struct slice){blob->bytes, blob->length} : (struct slice){0});
		free(paste);
	}
	blob_drop(blob);
	fetch_free(fetch);
}

static void on_timer(uv_timer_t *timer)
{
	struct fetch *fetch = timer->data;

	if (!fetch->ended) {
		fetch->ended = true;
		fetch->error = -ETIMEDOUT;
	}
	fetch_deliver(fetch);
}

void fetch_end(struct fetch *fetch, int error)
{
	if (fetch->ended)
		return;
	fetch->ended = true;
	fetch->error = error > 0 ? -error : error;
	uv_timer_start(&fetch->timer, on_timer, 0, 0);
}

void fetch_end_all(struct clipboard *clipboard, enum clipboard_selection selection, int error)
{
	for (struct fetch *fetch = clipboard->fetches; fetch; fetch = fetch->next) {
		if (fetch->selection == selection)
			fetch_end(fetch, error);
	}
}

void fetch_drop_all(struct clipboard *clipboard)
{
	while (clipboard->fetches) {
		struct fetch *fetch = clipboard->fetches;

		while (fetch->pastes) {
			struct clipboard_paste *paste = fetch->pastes;

			fetch->pastes = paste->next;
			free(paste);
		}
		fetch_free(fetch);
	}
}

/* --- Bytes come ----------------------------------------------------------------------------- */

static void await(struct fetch *fetch)
{
	const uint64_t now_ms = uv_now(fetch->clipboard->loop);
	const uint64_t left_ms = fetch->deadline_ms > now_ms ? fetch->deadline_ms - now_ms : 0;

	uv_timer_start(&fetch->timer, on_timer, MIN(left_ms, CLIPBOARD_TIMEOUT_MS), 0);
}

static size_t fetch_limit(const struct fetch *fetch)
{
	size_t limit = 0;

	for (const struct clipboard_paste *paste = fetch->pastes; paste; paste = paste->next)
		limit = MAX(limit, paste->max_bytes);
	return limit;
}

int fetch_append(struct fetch *fetch, const void *bytes, size_t length)
{
	int error;

	if (fetch->ended)
		return -ESTALE;
	if (length == 0)
		return 0;
	if (length > fetch_limit(fetch) || fetch->length > fetch_limit(fetch) - length)
		error = -EFBIG;
	else
		error = grow(fetch->clipboard, &fetch->bytes, fetch->length, length,
			     &fetch->capacity);
	if (error) {
		fetch_end(fetch, error);
		return error;
	}
	memcpy(fetch->bytes + fetch->length, bytes, length);
	fetch->length += length;
	await(fetch);
	return 0;
}

static struct fetch *fetch_find(struct clipboard *clipboard, const struct viewer *viewer,
				uint64_t id)
{
	for (struct fetch *fetch = clipboard->fetches; fetch; fetch = fetch->next) {
		if (fetch->id == id && fetch->from == SIDE_VIEWER && fetch->viewer == viewer &&
		    !fetch->ended)
			return fetch;
	}
	return NULL;
}

int clipboard_answer(struct clipboard *clipboard, struct viewer *viewer, uint64_t id,
		     const void *bytes, size_t length)
{
	struct fetch *fetch = fetch_find(clipboard, viewer, id);

	return fetch ? fetch_append(fetch, bytes, length) : -ESTALE;
}

void clipboard_answered(struct clipboard *clipboard, struct viewer *viewer, uint64_t id, int error)
{
	struct fetch *fetch = fetch_find(clipboard, viewer, id);

	if (fetch)
		fetch_end(fetch, error);
}

/* --- Somebody pastes ------------------------------------------------------------------------ */

static void fetch_start(struct fetch *fetch, const struct offer *offer)
{
	int error;

	await(fetch);
	if (fetch->held) {
		fetch_end(fetch, 0);
	} else if (fetch->from == SIDE_GUEST) {
		error = guest_fetch(fetch, offer->guest_serial);
		if (error)
			fetch_end(fetch, error);
	} else {
		offer->wanted(fetch->viewer, fetch->id, fetch->selection, fetch->type);
	}
}

static int fetch_new(struct clipboard *clipboard, enum clipboard_selection selection,
		     const char *type, struct fetch **result)
{
	const struct offer *offer = &clipboard->offer[selection];
	const bool text = strcmp(type, CLIPBOARD_TEXT) == 0;
	const char *name = text ? offer->text : type;
	unsigned int count = 0;
	struct fetch *fetch;

	for (fetch = clipboard->fetches; fetch; fetch = fetch->next)
		count++;
	if (count >= CLIPBOARD_FETCHES)
		return -EAGAIN;
	fetch = calloc(1, sizeof(*fetch));
	if (!fetch)
		return -ENOMEM;
	fetch->clipboard = clipboard;
	fetch->id = ++clipboard->last_fetch;
	fetch->selection = selection;
	fetch->from = offer->by;
	fetch->viewer = offer->viewer;
	fetch->form = text ? clipboard_text_form(slice_of(name)) : TEXT_NONE;
	fetch->deadline_ms = uv_now(clipboard->loop) + DEADLINE_MS;
	memcpy(fetch->type, name, strlen(name) + 1);
	if (offer->held)
		fetch->held = blob_hold(offer->held);
	uv_timer_init(clipboard->loop, &fetch->timer);
	fetch->timer.data = fetch;
	fetch->next = clipboard->fetches;
	clipboard->fetches = fetch;
	*result = fetch;
	return 0;
}

static struct fetch *fetch_under_way(const struct clipboard *clipboard,
				     enum clipboard_selection selection, const char *type)
{
	const struct offer *offer = &clipboard->offer[selection];
	const char *name = strcmp(type, CLIPBOARD_TEXT) == 0 ? offer->text : type;

	for (struct fetch *fetch = clipboard->fetches; fetch; fetch = fetch->next) {
		if (!fetch->ended && fetch->selection == selection &&
		    strcmp(fetch->type, name) == 0)
			return fetch;
	}
	return NULL;
}

static bool shown(struct clipboard_types types, const char *type)
{
	for (size_t i = 0; i < types.count; i++) {
		if (strcmp(types.type[i], type) == 0)
			return true;
	}
	return false;
}

int paste_begin(struct clipboard *clipboard, enum clipboard_side side, struct viewer *viewer,
		enum clipboard_selection selection, const char *type, size_t max_bytes,
		clipboard_pasted *done, void *owner, struct clipboard_paste **result)
{
	const struct offer *offer = &clipboard->offer[selection];
	struct fetch *fetch = fetch_under_way(clipboard, selection, type);
	const bool begun = fetch;
	struct clipboard_paste *paste;
	int error = 0;

	if (offer->by == SIDE_VIEWER && offer->viewer->view_only)
		return -EPERM;
	paste = calloc(1, sizeof(*paste));
	if (!paste)
		return -ENOMEM;
	if (!begun)
		error = fetch_new(clipboard, selection, type, &fetch);
	if (error) {
		free(paste);
		return error;
	}
	paste->fetch = fetch;
	paste->side = side;
	paste->viewer = viewer;
	paste->max_bytes = MIN(max_bytes, copy_limit(clipboard));
	paste->done = done;
	paste->owner = owner;
	paste->next = fetch->pastes;
	fetch->pastes = paste;
	*result = paste;
	if (!begun)
		fetch_start(fetch, offer);
	return 0;
}

int clipboard_paste(struct clipboard *clipboard, struct viewer *viewer,
		    enum clipboard_selection selection, const char *type, size_t max_bytes,
		    clipboard_pasted *done, void *owner, struct clipboard_paste **paste)
{
	if (!shown(clipboard_types(clipboard, viewer, selection), type))
		return -ENOENT;
	return paste_begin(clipboard, viewer ? SIDE_VIEWER : SIDE_USER, viewer, selection, type,
			   max_bytes, done, owner, paste);
}

void clipboard_paste_cancel(struct clipboard_paste *paste)
{
	struct fetch *fetch = paste->fetch;
	struct clipboard_paste **place = &fetch->pastes;

	while (*place != paste)
		place = &(*place)->next;
	*place = paste->next;
	free(paste);
	/* Freed from the loop: the caller may be walking the fetches. */
	if (!fetch->pastes)
		fetch_end(fetch, -ECANCELED);
}

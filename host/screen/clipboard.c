/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard: who has copied what, and who is shown it. There is one offer a selection, the last
 * that was made; what each side sees of it follows from the policy each time it looks.
 */
#include "host/screen/clipboard_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>

/* --- Bytes ---------------------------------------------------------------------------------- */

struct blob *blob_new(uint8_t *bytes, size_t length)
{
	struct blob *blob = malloc(sizeof(*blob));

	if (!blob) {
		free(bytes);
		return NULL;
	}
	*blob = (struct blob){.holders = 1, .bytes = bytes, .length = length};
	return blob;
}

struct blob *blob_hold(struct blob *blob)
{
	blob->holders++;
	return blob;
}

void blob_drop(struct blob *blob)
{
	if (!blob || --blob->holders)
		return;
	free(blob->bytes);
	free(blob);
}

/* --- Who sees what -------------------------------------------------------------------------- */

const char *selection_name(enum clipboard_selection selection)
{
	return selection == CLIPBOARD_PRIMARY ? "primary" : "clipboard";
}

int selection_parse(struct slice name, enum clipboard_selection *selection)
{
	if (name.length == 0 || slice_is(name, "clipboard"))
		*selection = CLIPBOARD_CLIPBOARD;
	else if (slice_is(name, "primary"))
		*selection = CLIPBOARD_PRIMARY;
	else
		return -EINVAL;
	return 0;
}

/* What the policy lets pass of an offer, each way. */
static void show(const struct clipboard_policy *policy, struct offer *offer)
{
	const unsigned int kinds[PASSAGES] = {
		[PASSAGE_TO_GUEST] = policy->to_guest,
		[PASSAGE_TO_HOST] = policy->to_host,
		[PASSAGE_BETWEEN] = policy->to_guest & policy->to_host,
	};

	for (unsigned int way = 0; way < PASSAGES; way++) {
		struct shown *shown = &offer->shown[way];

		shown->count = 0;
		if (offer->secret && kinds[way] != CLIPBOARD_ALL)
			continue;
		for (size_t i = 0; i < offer->count; i++) {
			if (kinds[way] & clipboard_kind_of(offer->type[i]))
				shown->type[shown->count++] = offer->type[i];
		}
	}
}

struct clipboard_types types_for(const struct clipboard *clipboard, enum clipboard_side side,
				 const struct viewer *viewer, enum clipboard_selection selection)
{
	const struct offer *offer = &clipboard->offer[selection];
	const struct shown *shown = &offer->shown[PASSAGE_BETWEEN];

	if (offer->by == SIDE_NOBODY || (offer->by == side && offer->viewer == viewer) ||
	    (selection == CLIPBOARD_PRIMARY && !clipboard->policy.primary))
		return (struct clipboard_types){0};
	if (side == SIDE_GUEST)
		shown = &offer->shown[PASSAGE_TO_GUEST];
	else if (offer->by == SIDE_GUEST)
		shown = &offer->shown[PASSAGE_TO_HOST];
	return shown->count ? (struct clipboard_types){offer->serial, shown->count, shown->type}
			    : (struct clipboard_types){0};
}

struct clipboard_types clipboard_types(const struct clipboard *clipboard,
				       const struct viewer *viewer,
				       enum clipboard_selection selection)
{
	if (viewer && viewer->view_only)
		return (struct clipboard_types){0};
	/* The user may look at what the user has set. */
	if (!viewer && clipboard->offer[selection].by == SIDE_USER)
		return (struct clipboard_types){clipboard->offer[selection].serial,
						clipboard->offer[selection].count,
						clipboard->offer[selection].type};
	return types_for(clipboard, viewer ? SIDE_VIEWER : SIDE_USER, viewer, selection);
}

/* --- Offers --------------------------------------------------------------------------------- */

static void on_settled(uv_timer_t *timer)
{
	struct clipboard *clipboard = timer->data;
	struct viewer *by = clipboard->by;

	clipboard->unsettled = false;
	clipboard->by = NULL;
	guest_tell(clipboard);
	clipboard->changed(clipboard->owner, by);
}

static void unsettle(struct clipboard *clipboard, struct viewer *by)
{
	if (clipboard->unsettled) {
		if (clipboard->by != by)
			clipboard->by = NULL;
		return;
	}
	clipboard->unsettled = true;
	clipboard->by = by;
	uv_timer_start(&clipboard->settle, on_settled, CLIPBOARD_SETTLE_MS, 0);
}

static void offer_clear(struct clipboard *clipboard, enum clipboard_selection selection)
{
	struct offer *offer = &clipboard->offer[selection];

	fetch_end_all(clipboard, selection, -ESTALE);
	blob_drop(offer->held);
	memset(offer, 0, sizeof(*offer));
}

struct offer *offer_begin(struct clipboard *clipboard, enum clipboard_selection selection,
			  enum clipboard_side by, struct viewer *viewer)
{
	struct offer *offer = &clipboard->offer[selection];

	offer_clear(clipboard, selection);
	offer->by = by;
	offer->viewer = viewer;
	offer->serial = ++clipboard->last_serial;
	offer->text_at = CLIPBOARD_MAX_TYPES;
	return offer;
}

static void add_name(struct offer *offer, struct slice name)
{
	char *place = offer->name[offer->count];

	memcpy(place, name.bytes, name.length);
	place[name.length] = '\0';
	offer->type[offer->count++] = place;
}

void offer_add(struct offer *offer, struct slice type)
{
	const enum text_form form = clipboard_text_form(type);
	const bool has_text = offer->text_at < offer->count;

	if (slice_is(type, CLIPBOARD_SECRET))
		offer->secret = true;
	if (form != TEXT_NONE) {
		if (has_text && clipboard_text_form(slice_of(offer->text)) >= form)
			return;
		if (!has_text) {
			if (offer->count == CLIPBOARD_MAX_TYPES)
				return;
			offer->text_at = offer->count;
			add_name(offer, slice_of(CLIPBOARD_TEXT));
		}
		memcpy(offer->text, type.bytes, type.length);
		offer->text[type.length] = '\0';
		return;
	}
	if (offer->count == CLIPBOARD_MAX_TYPES || !clipboard_type_passes(type) ||
	    slice_is(type, CLIPBOARD_SECRET))
		return;
	for (size_t i = 0; i < offer->count; i++) {
		if (slice_is(type, offer->type[i]))
			return;
	}
	add_name(offer, type);
}

void offer_made(struct clipboard *clipboard, enum clipboard_selection selection)
{
	struct viewer *by = clipboard->offer[selection].viewer;

	/* Nothing in it that anybody could use: as good as cleared. */
	if (clipboard->offer[selection].count == 0)
		offer_clear(clipboard, selection);
	show(&clipboard->policy, &clipboard->offer[selection]);
	unsettle(clipboard, by);
}

void offer_withdraw(struct clipboard *clipboard, enum clipboard_selection selection,
		    enum clipboard_side by, const struct viewer *viewer)
{
	struct offer *offer = &clipboard->offer[selection];

	if (offer->by != by || offer->viewer != viewer)
		return;
	offer_clear(clipboard, selection);
	unsettle(clipboard, NULL);
}

void offer_held(struct clipboard *clipboard, enum clipboard_selection selection,
		enum clipboard_side by, struct viewer *viewer, const char *type, struct blob *held)
{
	struct offer *offer = offer_begin(clipboard, selection, by, viewer);

	offer_add(offer, slice_of(type));
	offer->held = held;
	offer_made(clipboard, selection);
}

static int may_copy(const struct clipboard *clipboard, const struct viewer *viewer,
		    enum clipboard_selection selection)
{
	if (viewer->view_only || clipboard->policy.to_guest == CLIPBOARD_OFF ||
	    (selection == CLIPBOARD_PRIMARY && !clipboard->policy.primary))
		return -EPERM;
	return 0;
}

int clipboard_copied(struct clipboard *clipboard, struct viewer *viewer,
		     enum clipboard_selection selection, const char *const *types, size_t count,
		     clipboard_wanted *wanted)
{
	struct offer *offer;
	int error = may_copy(clipboard, viewer, selection);

	if (error)
		return error;
	if (count == 0) {
		offer_withdraw(clipboard, selection, SIDE_VIEWER, viewer);
		return 0;
	}
	offer = offer_begin(clipboard, selection, SIDE_VIEWER, viewer);
	offer->wanted = wanted;
	for (size_t i = 0; i < count; i++)
		offer_add(offer, slice_of(types[i]));
	offer_made(clipboard, selection);
	return 0;
}

int clipboard_copied_bytes(struct clipboard *clipboard, struct viewer *viewer,
			   enum clipboard_selection selection, const char *type, const void *bytes,
			   size_t length)
{
	int error = may_copy(clipboard, viewer, selection);
	struct blob *held;
	uint8_t *copy;

	if (error)
		return error;
	if (length > MIN(CLIPBOARD_VIEWER_MAX, copy_limit(clipboard)))
		return -EFBIG;
	copy = malloc(length + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, bytes, length);
	held = blob_new(copy, length);
	if (!held)
		return -ENOMEM;
	offer_held(clipboard, selection, SIDE_VIEWER, viewer, type, held);
	return 0;
}

void clipboard_forget(struct clipboard *clipboard, struct viewer *viewer)
{
	for (struct fetch *fetch = clipboard->fetches, *next; fetch; fetch = next) {
		next = fetch->next;
		for (struct clipboard_paste *paste = fetch->pastes, *after; paste; paste = after) {
			after = paste->next;
			if (paste->viewer == viewer)
				clipboard_paste_cancel(paste);
		}
	}
	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++)
		offer_withdraw(clipboard, (enum clipboard_selection)i, SIDE_VIEWER, viewer);
	if (clipboard->by == viewer)
		clipboard->by = NULL;
}

/* --- The whole ------------------------------------------------------------------------------ */

struct clipboard_policy clipboard_policy(const struct clipboard *clipboard)
{
	return clipboard->policy;
}

size_t copy_limit(const struct clipboard *clipboard)
{
	const size_t most = clipboard->policy.max_bytes;

	return most ? MIN(most, (size_t)CLIPBOARD_MAX_BYTES) : (size_t)CLIPBOARD_MAX_BYTES;
}

bool clipboard_takes_files(const struct clipboard *clipboard)
{
	return clipboard->policy.to_guest & CLIPBOARD_FILES;
}

void clipboard_set_policy(struct clipboard *clipboard, struct clipboard_policy policy)
{
	clipboard->policy = policy;
	/* What was under way under the old one is not finished under the new. */
	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++) {
		fetch_end_all(clipboard, (enum clipboard_selection)i, -EPERM);
		show(&clipboard->policy, &clipboard->offer[i]);
		/* Everybody looks again, as at another offer. */
		if (clipboard->offer[i].by != SIDE_NOBODY)
			clipboard->offer[i].serial = ++clipboard->last_serial;
	}
	unsettle(clipboard, NULL);
	if (clipboard->policy_changed)
		clipboard->policy_changed(clipboard->policy_owner);
}

void clipboard_watch_policy(struct clipboard *clipboard, void (*changed)(void *owner), void *owner)
{
	clipboard->policy_changed = changed;
	clipboard->policy_owner = owner;
}

struct clipboard *clipboard_new(uv_loop_t *loop, void (*changed)(void *owner, struct viewer *by),
				void *owner)
{
	struct clipboard *clipboard = calloc(1, sizeof(*clipboard));

	if (!clipboard)
		return NULL;
	clipboard->loop = loop;
	clipboard->changed = changed;
	clipboard->owner = owner;
	clipboard->policy = CLIPBOARD_POLICY_DEFAULT;
	uv_timer_init(loop, &clipboard->settle);
	uv_timer_init(loop, &clipboard->retry);
	clipboard->settle.data = clipboard->retry.data = clipboard;
	clipboard->handles = 2;
	return clipboard;
}

static void on_released(uv_handle_t *timer)
{
	struct clipboard *clipboard = timer->data;

	if (--clipboard->handles == 0)
		free(clipboard);
}

void clipboard_free(struct clipboard *clipboard)
{
	if (!clipboard)
		return;
	clipboard_guest_lost(clipboard);
	control_drop_all(clipboard);
	fetch_drop_all(clipboard);
	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++)
		blob_drop(clipboard->offer[i].held);
	uv_close((uv_handle_t *)&clipboard->settle, on_released);
	uv_close((uv_handle_t *)&clipboard->retry, on_released);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_guest_read: the host pastes what the guest has copied. One request of ours serves all who
 * wait for the same.
 */
#include "host/screen/spice/spice_guest_internal.h"

#include <errno.h>

#define SELECTION_MASK (UINT64_MAX << 32)

static uint64_t name_paste(uint64_t selection, uint32_t type)
{
	return selection << 32 | type;
}

void spice_guest_clipboard_read(struct spice_guest *spice, struct stream *stream,
				struct slice params)
{
	struct clipboard_want want;
	uint32_t type;
	int selection;

	if (message_decode(&message_clipboard_want, params, &want) < 0 ||
	    (selection = spice_guest_selection(want.selection)) < 0) {
		stream_fail(stream, EINVAL, NULL);
		return;
	}
	type = spice_clipboard_type(want.type);
	if (!type || !(spice->copied_types[selection] & SPICE_TYPE_BIT(type)) ||
	    spice->copied[selection] != want.serial) {
		stream_fail(stream, ESTALE, NULL);
		return;
	}
	if (clipboard_paste_wait(&spice->pastes, stream, name_paste((uint64_t)selection, type)))
		spice_guest_say_clipboard(spice, SPICE_CLIPBOARD_REQUEST, (uint8_t)selection, type,
					  (struct slice){0});
}

/* Those who wait for it; with NONE the guest says that it has nothing. */
void spice_guest_clipboard_answer(struct spice_guest *spice, const struct spice_clipboard *said,
				  int error)
{
	const bool nothing = said->type == SPICE_CLIPBOARD_NONE;

	clipboard_paste_answer(&spice->pastes, name_paste(said->selection, said->type),
			       nothing ? SELECTION_MASK : UINT64_MAX, nothing ? ENOENT : error,
			       said->data.bytes, said->data.length);
}

void spice_guest_clipboard_skipped(struct spice_guest *spice, struct slice start)
{
	struct spice_clipboard said;

	if (spice_clipboard_parse(SPICE_CLIPBOARD, start, spice->both, &said) == 0)
		spice_guest_clipboard_answer(spice, &said, EFBIG);
}

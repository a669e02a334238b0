/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/spice/spice_internal.h"

#include "protocol/base/bytes.h"
#include "protocol/clipboard_text.h"

#include <errno.h>

/* --- Capabilities --------------------------------------------------------------------------- */

int spice_capabilities_parse(struct slice payload, struct spice_capabilities *capabilities)
{
	const uint8_t *request = spice_take(&payload, 4), *word = spice_take(&payload, 4);

	if (!request || payload.length % 4 != 0)
		return -EBADMSG;
	capabilities->request = load_le32(request) != 0;
	capabilities->bits = word ? load_le32(word) : 0;
	return 0;
}

void spice_capabilities_encode(const struct spice_capabilities *capabilities,
			       uint8_t bytes[SPICE_CAPABILITIES_SIZE])
{
	store_le32(bytes, capabilities->request);
	store_le32(bytes + 4, capabilities->bits);
}

/* --- The mouse ------------------------------------------------------------------------------ */

int spice_mouse_parse(struct slice payload, struct spice_mouse *mouse)
{
	const uint8_t *bytes = spice_take(&payload, SPICE_MOUSE_SIZE);

	if (!bytes)
		return -EBADMSG;
	*mouse = (struct spice_mouse){
		.x = load_le32(bytes),
		.y = load_le32(bytes + 4),
		.buttons = load_le32(bytes + 8),
		.screen = bytes[12],
	};
	return 0;
}

void spice_mouse_encode(const struct spice_mouse *mouse, uint8_t bytes[SPICE_MOUSE_SIZE])
{
	store_le32(bytes, mouse->x);
	store_le32(bytes + 4, mouse->y);
	store_le32(bytes + 8, mouse->buttons);
	bytes[12] = mouse->screen;
}

/* --- Monitors ------------------------------------------------------------------------------- */

#define MONITOR_SIZE	   20
#define MONITOR_MM_SIZE	   4
#define FLAG_POSITIONS	   1U
#define FLAG_PHYSICAL_SIZE 2U

int spice_monitors_parse(struct slice payload, struct spice_monitors *monitors)
{
	const uint8_t *head = spice_take(&payload, 8), *list, *millimetres = NULL;
	uint32_t count, flags;

	if (!head)
		return -EBADMSG;
	count = load_le32(head);
	flags = load_le32(head + 4);
	if (count > SPICE_MONITORS_MAX)
		return -E2BIG;
	list = spice_take(&payload, (size_t)count * MONITOR_SIZE);
	if (!list)
		return -EBADMSG;
	if (flags & FLAG_PHYSICAL_SIZE) {
		millimetres = spice_take(&payload, (size_t)count * MONITOR_MM_SIZE);
		if (!millimetres)
			return -EBADMSG;
	}
	*monitors = (struct spice_monitors){.count = count, .positions = flags & FLAG_POSITIONS};
	for (size_t i = 0; i < count; i++, list += MONITOR_SIZE) {
		struct spice_monitor *monitor = &monitors->monitor[i];

		monitor->height = load_le32(list);
		monitor->width = load_le32(list + 4);
		monitor->depth = load_le32(list + 8);
		monitor->x = (int32_t)load_le32(list + 12);
		monitor->y = (int32_t)load_le32(list + 16);
		if (millimetres) {
			monitor->height_mm = load_le16(millimetres + i * MONITOR_MM_SIZE);
			monitor->width_mm = load_le16(millimetres + i * MONITOR_MM_SIZE + 2);
		}
	}
	return 0;
}

size_t spice_monitors_encode(const struct spice_monitors *monitors,
			     uint8_t bytes[SPICE_MONITORS_SIZE])
{
	uint8_t *at = bytes + 8;

	store_le32(bytes, (uint32_t)monitors->count);
	store_le32(bytes + 4, monitors->positions ? FLAG_POSITIONS : 0);
	for (size_t i = 0; i < monitors->count; i++, at += MONITOR_SIZE) {
		const struct spice_monitor *monitor = &monitors->monitor[i];

		store_le32(at, monitor->height);
		store_le32(at + 4, monitor->width);
		store_le32(at + 8, monitor->depth);
		store_le32(at + 12, (uint32_t)monitor->x);
		store_le32(at + 16, (uint32_t)monitor->y);
	}
	return (size_t)(at - bytes);
}

int spice_reply_parse(struct slice payload, struct spice_reply *reply)
{
	const uint8_t *bytes = spice_take(&payload, SPICE_REPLY_SIZE);

	if (!bytes)
		return -EBADMSG;
	reply->type = load_le32(bytes);
	reply->error = load_le32(bytes + 4);
	return 0;
}

void spice_reply_encode(const struct spice_reply *reply, uint8_t bytes[SPICE_REPLY_SIZE])
{
	store_le32(bytes, reply->type);
	store_le32(bytes + 4, reply->error);
}

/* --- Clipboard ------------------------------------------------------------------------------ */

static const char *const mimes[] = {
	[SPICE_CLIPBOARD_UTF8_TEXT] = CLIPBOARD_TEXT, [SPICE_CLIPBOARD_IMAGE_PNG] = "image/png",
	[SPICE_CLIPBOARD_IMAGE_BMP] = "image/bmp",    [SPICE_CLIPBOARD_IMAGE_TIFF] = "image/tiff",
	[SPICE_CLIPBOARD_IMAGE_JPG] = "image/jpeg",
};

uint32_t spice_clipboard_type(struct slice mime)
{
	if (clipboard_text_form(mime) != TEXT_NONE)
		return SPICE_CLIPBOARD_UTF8_TEXT;
	for (uint32_t i = SPICE_CLIPBOARD_IMAGE_PNG; i < ARRAY_SIZE(mimes); i++) {
		if (slice_is(mime, mimes[i]))
			return i;
	}
	return SPICE_CLIPBOARD_NONE;
}

const char *spice_clipboard_mime(uint32_t type)
{
	return type < ARRAY_SIZE(mimes) ? mimes[type] : NULL;
}

static int take_selection(struct slice *payload, uint32_t both, uint8_t *selection)
{
	const uint8_t *bytes;

	*selection = SPICE_SELECTION_CLIPBOARD;
	if (!(both & SPICE_CAP(CLIPBOARD_SELECTION)))
		return 0;
	bytes = spice_take(payload, 4);
	if (!bytes || bytes[0] > SPICE_SELECTION_SECONDARY)
		return -EBADMSG;
	*selection = bytes[0];
	return 0;
}

static size_t put_selection(uint8_t selection, uint32_t both, uint8_t bytes[4])
{
	if (!(both & SPICE_CAP(CLIPBOARD_SELECTION)))
		return 0;
	store_le32(bytes, selection); /* and three that are reserved */
	return 4;
}

int spice_grab_parse(struct slice payload, uint32_t both, struct spice_grab *grab)
{
	const uint8_t *bytes;

	*grab = (struct spice_grab){0};
	if (take_selection(&payload, both, &grab->selection) < 0)
		return -EBADMSG;
	if (both & SPICE_CAP(CLIPBOARD_GRAB_SERIAL)) {
		bytes = spice_take(&payload, 4);
		if (!bytes)
			return -EBADMSG;
		grab->serial = load_le32(bytes);
	}
	if (payload.length % 4 != 0)
		return -EBADMSG;
	while (grab->count < SPICE_GRAB_TYPES && (bytes = spice_take(&payload, 4)))
		grab->type[grab->count++] = load_le32(bytes);
	return 0;
}

size_t spice_grab_encode(const struct spice_grab *grab, uint32_t both,
			 uint8_t bytes[SPICE_GRAB_SIZE])
{
	size_t length = put_selection(grab->selection, both, bytes);

	if (both & SPICE_CAP(CLIPBOARD_GRAB_SERIAL)) {
		store_le32(bytes + length, grab->serial);
		length += 4;
	}
	for (size_t i = 0; i < grab->count; i++, length += 4)
		store_le32(bytes + length, grab->type[i]);
	return length;
}

int spice_clipboard_parse(enum spice_type message, struct slice payload, uint32_t both,
			  struct spice_clipboard *clipboard)
{
	const uint8_t *bytes;

	*clipboard = (struct spice_clipboard){0};
	/* spice-vdagentd's, when another desktop session has the screen: the selection alone. */
	if (message == SPICE_CLIPBOARD_RELEASE && payload.length == 1 &&
	    both & SPICE_CAP(CLIPBOARD_SELECTION)) {
		clipboard->selection = payload.bytes[0];
		return clipboard->selection > SPICE_SELECTION_SECONDARY ? -EBADMSG : 0;
	}
	if (take_selection(&payload, both, &clipboard->selection) < 0)
		return -EBADMSG;
	if (message == SPICE_CLIPBOARD_RELEASE)
		return 0;
	bytes = spice_take(&payload, 4);
	if (!bytes)
		return -EBADMSG;
	clipboard->type = load_le32(bytes);
	clipboard->data = payload;
	return 0;
}

size_t spice_clipboard_encode(enum spice_type message, const struct spice_clipboard *clipboard,
			      uint32_t both, uint8_t bytes[SPICE_CLIPBOARD_SIZE])
{
	const size_t length = put_selection(clipboard->selection, both, bytes);

	if (message == SPICE_CLIPBOARD_RELEASE)
		return length;
	store_le32(bytes + length, clipboard->type);
	return length + 4;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: protocol base
/*
 * The SPICE dialect: any bytes on the port, in pieces, and what is parsed of messages. What is
 * accepted can be said again and means the same.
 */
#include "protocol/base/bytes.h"
#include "protocol/spice/spice_wire.h"

#include <stdlib.h>

static uint32_t both;

static void same_start(const struct spice_file_start *start)
{
	uint8_t bytes[SPICE_FILE_START_SIZE];
	struct spice_file_start again;
	const size_t length = spice_file_start_encode(start, bytes);

	if (strchr(start->name, '/') || start->name[0] == '.' || !start->name[0])
		abort();
	if (length == 0 || spice_file_start_parse((struct slice){bytes, length}, &again) < 0 ||
	    strcmp(again.name, start->name) != 0 || again.size != start->size)
		abort();
}

static void same_grab(const struct spice_grab *grab)
{
	uint8_t bytes[SPICE_GRAB_SIZE];
	struct spice_grab again;
	const size_t length = spice_grab_encode(grab, both, bytes);

	if (spice_grab_parse((struct slice){bytes, length}, both, &again) < 0 ||
	    grab->selection != again.selection || grab->serial != again.serial ||
	    grab->count != again.count || memcmp(grab->type, again.type, sizeof(again.type)) != 0)
		abort();
}

static void same_monitors(const struct spice_monitors *monitors)
{
	uint8_t bytes[SPICE_MONITORS_SIZE];
	struct spice_monitors again;
	const size_t length = spice_monitors_encode(monitors, bytes);

	if (spice_monitors_parse((struct slice){bytes, length}, &again) < 0 ||
	    again.count != monitors->count)
		abort();
}

static void on_message(void *owner, uint32_t type, struct slice payload)
{
	struct spice_capabilities capabilities;
	struct spice_monitors monitors;
	struct spice_clipboard clipboard;
	struct spice_file_status status;
	struct spice_file_start start;
	struct spice_file_data data;
	struct spice_reply reply;
	struct spice_grab grab;

	(void)owner;
	switch (type) {
	case SPICE_ANNOUNCE_CAPABILITIES:
		if (spice_capabilities_parse(payload, &capabilities) == 0)
			both = capabilities.bits;
		break;
	case SPICE_MONITORS_CONFIG:
		if (spice_monitors_parse(payload, &monitors) == 0)
			same_monitors(&monitors);
		break;
	case SPICE_CLIPBOARD_GRAB:
		if (spice_grab_parse(payload, both, &grab) == 0)
			same_grab(&grab);
		break;
	case SPICE_FILE_XFER_START:
		if (spice_file_start_parse(payload, &start) == 0)
			same_start(&start);
		break;
	case SPICE_FILE_XFER_DATA:
		if (spice_file_data_parse(payload, &data) == 0 &&
		    data.data.length + SPICE_FILE_DATA_SIZE != payload.length)
			abort();
		break;
	case SPICE_FILE_XFER_STATUS:
		(void)!spice_file_status_parse(payload, &status);
		break;
	case SPICE_REPLY:
		(void)!spice_reply_parse(payload, &reply);
		break;
	default:
		if (spice_clipboard_parse((enum spice_type)type, payload, both, &clipboard) == 0 &&
		    clipboard.data.length > payload.length)
			abort();
		break;
	}
}

static void on_skipped(void *owner, uint32_t type, struct slice start)
{
	(void)owner;
	(void)type;
	if (start.length > 64)
		abort();
}

static uint32_t most(void *owner, uint32_t type)
{
	(void)owner;
	return type == SPICE_CLIPBOARD ? 1U << 20 : 600;
}

static const struct spice_wire_handlers handlers = {
	.most = most,
	.message = on_message,
	.skipped = on_skipped,
};

/* First byte: how long the pieces are; if it is 0, the rest is a message: its type, its payload. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct spice_wire wire;
	size_t piece;

	both = SPICE_CAP(CLIPBOARD_SELECTION);
	if (length < 2)
		return 0;
	piece = *bytes++;
	length--;
	if (piece == 0) {
		on_message(NULL, *bytes, (struct slice){bytes + 1, length - 1});
		return 0;
	}
	spice_wire_init(&wire, &handlers, NULL);
	while (length) {
		const size_t some = MIN(length, piece);

		if (spice_wire_receive(&wire, bytes, some) < 0)
			break;
		bytes += some;
		length -= some;
	}
	spice_wire_reset(&wire);
	return 0;
}

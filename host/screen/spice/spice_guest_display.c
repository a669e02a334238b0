/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_guest_display: an "apply" of the host is the monitors of a client.
 */
#include "host/screen/spice/spice_guest_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/head_list.h"

#include <errno.h>

void spice_guest_display_begin(struct spice_guest *spice)
{
	const bool able = spice->theirs & SPICE_CAP(MONITORS_CONFIG);
	const struct display_layout layout = {
		.session = SLICE_LITERAL("x11"),
		.desktop = SLICE_LITERAL("spice-vdagent"),
		.backend = able ? SLICE_LITERAL("spice") : (struct slice){0},
	};
	const struct head_list none = {0};
	uint8_t bytes[HEAD_LIST_BYTES];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	if (!spice->display || !spice->theirs)
		return;
	head_list_encode(&none, &layout, &writer);
	stream_message(spice->display, SLICE_LITERAL("layout"), cbor_written(&writer));
}

static void tell_applied(struct spice_guest *spice, int error)
{
	const struct display_applied applied = {
		.serial = spice->applied,
		.number = (uint64_t)error,
	};
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	if (!spice->applied || !spice->display)
		return;
	spice->applied = 0;
	message_encode(&message_display_applied, &applied, &writer);
	stream_message(spice->display, SLICE_LITERAL("applied"), cbor_written(&writer));
}

static void say_monitors(struct spice_guest *spice, const struct head_list *list)
{
	struct spice_monitors monitors = {.positions = true};
	uint8_t bytes[SPICE_MONITORS_SIZE];
	size_t length;

	for (size_t i = 0; i < list->count; i++) {
		const struct head *head = &list->heads[i];
		struct spice_monitor *monitor = &monitors.monitor[head->head];

		monitors.count = MAX(monitors.count, (size_t)head->head + 1);
		if (!head->enabled)
			continue;
		*monitor = (struct spice_monitor){
			.width = head->width,
			.height = head->height,
			.depth = 32,
			.x = head->x,
			.y = head->y,
		};
	}
	length = spice_monitors_encode(&monitors, bytes);
	spice_guest_say(spice, SPICE_MONITORS_CONFIG, (struct slice){bytes, length},
			(struct slice){0});
}

static void on_display(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct spice_guest *spice = owner;
	struct head_list list;

	(void)stream;
	if (!slice_is(name, "apply") || head_list_decode(params, &list, NULL) < 0)
		return;
	tell_applied(spice, ECANCELED); /* another order came */
	spice->applied = list.serial;
	if (!(spice->theirs & SPICE_CAP(MONITORS_CONFIG)))
		tell_applied(spice, EOPNOTSUPP);
	else
		say_monitors(spice, &list);
}

static void on_display_cancelled(struct stream *stream, void *owner)
{
	struct spice_guest *spice = owner;

	spice->display = NULL;
	stream_reply(stream, (struct slice){0});
}

static void on_display_closed(struct stream *stream, void *owner,
			      const struct stream_result *result)
{
	struct spice_guest *spice = owner;

	(void)stream;
	(void)result;
	spice->display = NULL;
}

static const struct stream_handlers display_handlers = {
	.message = on_display,
	.cancelled = on_display_cancelled,
	.closed = on_display_closed,
};

void spice_guest_display_attach(struct spice_guest *spice, struct stream *stream)
{
	if (spice->display) {
		stream_fail(stream, EBUSY, NULL);
		return;
	}
	spice->display = stream;
	stream_set_handlers(stream, &display_handlers, spice);
	spice_guest_display_begin(spice);
}

void spice_guest_display_replied(struct spice_guest *spice, struct slice payload)
{
	struct spice_reply reply;

	if (spice_reply_parse(payload, &reply) == 0 && reply.type == SPICE_MONITORS_CONFIG)
		tell_applied(spice, reply.error == SPICE_REPLY_SUCCESS ? 0 : EIO);
}

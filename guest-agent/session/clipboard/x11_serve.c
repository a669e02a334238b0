/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x11_serve: programs paste what the host has copied (ICCCM 2.2): TARGETS, TIMESTAMP, and each type
 * of the offer, whole or by INCR (2.7.2)
 *
 * MULTIPLE is refused: who asks for it asks again, one by one.
 */
#include "guest-agent/session/clipboard/x11_internal.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

#define SERVINGS   64	 /* at once */
#define TIMEOUT_MS 10000 /* without a piece taken */

struct x11_serving {
	struct x11_clipboard *x;
	struct x11_serving *next;
	xcb_selection_request_event_t request; /* property: where it goes to */
	struct clipboard_paste *paste;	       /* until the bytes are here */
	uint8_t *bytes;
	size_t length, sent;
	bool last; /* the empty piece that ends it was given */
	uv_timer_t timer;
};

static void answer(const struct x11_clipboard *x, const xcb_selection_request_event_t *request,
		   xcb_atom_t property)
{
	const xcb_selection_notify_event_t event = {
		.response_type = XCB_SELECTION_NOTIFY,
		.time = request->time,
		.requestor = request->requestor,
		.selection = request->selection,
		.target = request->target,
		.property = property,
	};
	/* An event takes 32 bytes. */
	char bytes[32] = {0};

	memcpy(bytes, &event, sizeof(event));
	xcb_send_event(x->connection, 0, request->requestor, 0, bytes);
}

/* --- Bytes ---------------------------------------------------------------------------------- */

static void on_released(uv_handle_t *timer)
{
	free(timer->data);
}

static void serving_free(struct x11_serving *serving)
{
	struct x11_serving **place = &serving->x->servings;

	while (*place != serving)
		place = &(*place)->next;
	*place = serving->next;
	if (serving->paste)
		clipboard_paste_cancel(serving->paste);
	free(serving->bytes);
	serving->bytes = NULL;
	uv_close((uv_handle_t *)&serving->timer, on_released);
}

static void on_late(uv_timer_t *timer)
{
	serving_free(timer->data);
}

static xcb_atom_t type_of(const struct x11_serving *serving)
{
	const struct x11_clipboard *x = serving->x;

	/* The owner chooses what TEXT is. */
	return serving->request.target == x->atom[ATOM_TEXT] ? x->atom[ATOM_UTF8_STRING]
							     : serving->request.target;
}

static size_t piece_bytes(const struct x11_clipboard *x)
{
	const uint64_t most = (uint64_t)xcb_get_maximum_request_length(x->connection) * 4;

	return (size_t)MIN((uint64_t)X11_PIECE_BYTES, most - 64);
}

static void put(const struct x11_serving *serving, const void *bytes, size_t length)
{
	xcb_change_property(serving->x->connection, XCB_PROP_MODE_REPLACE,
			    serving->request.requestor, serving->request.property, type_of(serving),
			    8, (uint32_t)length, bytes);
}

/* All of it, or the promise of pieces. */
static void begin(struct x11_serving *serving, struct slice bytes)
{
	const struct x11_clipboard *x = serving->x;
	const xcb_selection_request_event_t *request = &serving->request;
	const uint32_t events = XCB_EVENT_MASK_PROPERTY_CHANGE;
	const uint32_t least = (uint32_t)bytes.length;

	if (bytes.length <= piece_bytes(x)) {
		put(serving, bytes.bytes, bytes.length);
		answer(x, request, request->property);
		serving_free(serving);
		return;
	}
	serving->bytes = malloc(bytes.length);
	if (!serving->bytes) {
		answer(x, request, XCB_ATOM_NONE);
		serving_free(serving);
		return;
	}
	memcpy(serving->bytes, bytes.bytes, bytes.length);
	serving->length = bytes.length;
	xcb_change_window_attributes(x->connection, request->requestor, XCB_CW_EVENT_MASK, &events);
	xcb_change_property(x->connection, XCB_PROP_MODE_REPLACE, request->requestor,
			    request->property, x->atom[ATOM_INCR], 32, 1, &least);
	answer(x, request, request->property);
	uv_timer_start(&serving->timer, on_late, TIMEOUT_MS, 0);
}

static void on_pasted(void *owner, int error, struct slice bytes)
{
	struct x11_serving *serving = owner;

	serving->paste = NULL;
	if (error) {
		answer(serving->x, &serving->request, XCB_ATOM_NONE);
		serving_free(serving);
	} else {
		begin(serving, bytes);
	}
}

void x11_serve_property(struct x11_clipboard *x, const xcb_property_notify_event_t *event)
{
	struct x11_serving *serving = x->servings;
	size_t length;

	while (serving && (!serving->bytes || serving->request.requestor != event->window ||
			   serving->request.property != event->atom))
		serving = serving->next;
	if (!serving || event->state != XCB_PROPERTY_DELETE)
		return;
	if (serving->last) {
		serving_free(serving);
		return;
	}
	length = MIN(serving->length - serving->sent, piece_bytes(x));
	put(serving, serving->bytes + serving->sent, length);
	serving->sent += length;
	serving->last = length == 0;
	uv_timer_start(&serving->timer, on_late, TIMEOUT_MS, 0);
}

/* --- Requests ------------------------------------------------------------------------------- */

static void give_targets(const struct x11_clipboard *x,
			 const xcb_selection_request_event_t *request,
			 const struct x11_selection *selection)
{
	xcb_atom_t targets[X11_TYPES + 2] = {x->atom[ATOM_TARGETS], x->atom[ATOM_TIMESTAMP]};

	memcpy(targets + 2, selection->atom, selection->count * sizeof(targets[0]));
	xcb_change_property(x->connection, XCB_PROP_MODE_REPLACE, request->requestor,
			    request->property, XCB_ATOM_ATOM, 32, (uint32_t)selection->count + 2,
			    targets);
	answer(x, request, request->property);
}

static int serve(struct x11_clipboard *x, const xcb_selection_request_event_t *request,
		 enum clipboard_selection selection, const char *type)
{
	struct x11_serving *serving;
	unsigned int count = 0;
	int error = 0;

	for (serving = x->servings; serving; serving = serving->next)
		count++;
	serving = count < SERVINGS ? calloc(1, sizeof(*serving)) : NULL;
	if (!serving)
		return -EAGAIN;
	serving->x = x;
	serving->request = *request;
	serving->next = x->servings;
	x->servings = serving;
	uv_timer_init(x->context->loop, &serving->timer);
	serving->timer.data = serving;
	if (strcmp(type, CLIPBOARD_SECRET) == 0)
		begin(serving, SLICE_LITERAL(CLIPBOARD_SECRET_VALUE));
	else
		error = clipboard_paste(x->clipboard, selection, type, on_pasted, serving,
					&serving->paste);
	if (error)
		serving_free(serving);
	return error;
}

void x11_serve_request(struct x11_clipboard *x, const xcb_selection_request_event_t *event)
{
	const bool primary = event->selection == XCB_ATOM_PRIMARY;
	const enum clipboard_selection which = primary ? CLIPBOARD_PRIMARY : CLIPBOARD_CLIPBOARD;
	const struct x11_selection *selection = &x->selection[which];
	xcb_selection_request_event_t request = *event;
	size_t at = 0;

	if (request.property == XCB_ATOM_NONE) /* ICCCM 2.2: an old client */
		request.property = request.target;
	while (at < selection->count && selection->atom[at] != request.target)
		at++;
	if (event->selection != x11_selection_atom(x, which) || !selection->owned) {
		answer(x, &request, XCB_ATOM_NONE);
	} else if (request.target == x->atom[ATOM_TARGETS]) {
		give_targets(x, &request, selection);
	} else if (request.target == x->atom[ATOM_TIMESTAMP]) {
		xcb_change_property(x->connection, XCB_PROP_MODE_REPLACE, request.requestor,
				    request.property, XCB_ATOM_INTEGER, 32, 1, &selection->since);
		answer(x, &request, request.property);
	} else if (at == selection->count || request.target == XCB_ATOM_NONE ||
		   serve(x, &request, which, selection->name[at]) < 0) {
		answer(x, &request, XCB_ATOM_NONE);
	}
}

void x11_serve_end_all(struct x11_clipboard *x)
{
	while (x->servings)
		serving_free(x->servings);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x11_read: what another program has copied, by ConvertSelection (ICCCM 2.4), whole or by INCR
 * (2.7.2)
 *
 * Each read has a property of its own on our window. A property is taken in pieces, and only while
 * the host takes them; an INCR owner waits meanwhile, since the property is not deleted. What was
 * cancelled is thrown away as it comes, so that its property can be used again.
 */
#include "guest-agent/session/clipboard/x11_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static xcb_atom_t property_of(const struct x11_clipboard *x, const struct x11_read *read)
{
	return x->atom[ATOM_READ_FIRST + (read - x->reads)];
}

static void end(struct x11_read *read, int error)
{
	struct clipboard_read *told = read->read;

	*read = (struct x11_read){0};
	if (told)
		read_end(told, error);
}

/* Gives a piece to the host. */
static void pass(struct x11_read *read, const void *bytes, size_t length)
{
	if (read->read && read_data(read->read, bytes, length) < 0)
		read->read = NULL;
}

/* One piece of the property. true: there may be more of it. */
static bool take_piece(struct x11_clipboard *x, struct x11_read *read)
{
	const bool first = read->offset == 0;
	xcb_get_property_reply_t *reply = xcb_get_property_reply(
		x->connection,
		xcb_get_property(x->connection, 1, x->window, property_of(x, read),
				 XCB_GET_PROPERTY_TYPE_ANY, read->offset / 4, X11_PIECE_BYTES / 4),
		NULL);
	const size_t length = reply ? reply->value_len * (size_t)(reply->format / 8) : 0;
	bool more = false;

	if (!reply || (reply->type == XCB_ATOM_NONE && read->state == READ_WHOLE)) {
		end(read, -EIO);
	} else if (reply->type == x->atom[ATOM_INCR] && read->state == READ_WHOLE && first) {
		read->state = READ_INCR;
	} else if (reply->type != XCB_ATOM_NONE) {
		pass(read, xcb_get_property_value(reply), length);
		more = reply->bytes_after > 0 && length > 0;
		if (more)
			read->offset += (uint32_t)length;
		else if (read->state == READ_WHOLE || (first && length == 0))
			end(read, 0);
		else
			read->offset = 0;
	}
	free(reply);
	return more;
}

static void take(struct x11_clipboard *x, struct x11_read *read)
{
	do {
		read->paused = read->read && !read_wants_more(read->read);
	} while (!read->paused && take_piece(x, read));
}

void x11_read_begin(struct x11_clipboard *x, struct clipboard_read *read)
{
	struct x11_read *mine = x->reads;

	while (mine < x->reads + X11_READS && mine->state != READ_FREE)
		mine++;
	if (mine == x->reads + X11_READS || !x->x11) {
		read_end(read, x->x11 ? -EAGAIN : -ENOTCONN);
		return;
	}
	*mine = (struct x11_read){
		.state = READ_ASKED,
		.read = read,
		.selection = read->selection,
	};
	x11_intern(x->connection, &read->type, 1, &mine->target);
	xcb_delete_property(x->connection, x->window, property_of(x, mine));
	xcb_convert_selection(x->connection, x->window, x11_selection_atom(x, read->selection),
			      mine->target, property_of(x, mine),
			      x->selection[read->selection].theirs);
}

static struct x11_read *find(struct x11_clipboard *x, const struct clipboard_read *read)
{
	for (size_t i = 0; i < X11_READS; i++) {
		if (x->reads[i].state != READ_FREE && x->reads[i].read == read)
			return &x->reads[i];
	}
	return NULL;
}

void x11_read_more(struct x11_clipboard *x, const struct clipboard_read *read)
{
	struct x11_read *mine = find(x, read);

	if (mine && mine->paused)
		take(x, mine);
}

void x11_read_cancel(struct x11_clipboard *x, const struct clipboard_read *read)
{
	struct x11_read *mine = find(x, read);

	if (!mine)
		return;
	mine->read = NULL;
	if (mine->paused)
		take(x, mine);
}

void x11_read_converted(struct x11_clipboard *x, const xcb_selection_notify_event_t *event)
{
	for (size_t i = 0; i < X11_READS; i++) {
		struct x11_read *read = &x->reads[i];

		if (read->state != READ_ASKED || read->target != event->target ||
		    x11_selection_atom(x, read->selection) != event->selection ||
		    (event->property != XCB_ATOM_NONE && event->property != property_of(x, read)))
			continue;
		if (event->property == XCB_ATOM_NONE) {
			end(read, -ENOENT);
		} else {
			read->state = READ_WHOLE;
			take(x, read);
		}
		return;
	}
}

void x11_read_property(struct x11_clipboard *x, const xcb_property_notify_event_t *event)
{
	if (event->state != XCB_PROPERTY_NEW_VALUE)
		return;
	for (size_t i = 0; i < X11_READS; i++) {
		struct x11_read *read = &x->reads[i];

		if (read->state == READ_INCR && event->atom == property_of(x, read) &&
		    !read->paused)
			take(x, read);
	}
}

void x11_read_owner_gone(struct x11_clipboard *x, enum clipboard_selection selection)
{
	for (size_t i = 0; i < X11_READS; i++) {
		struct x11_read *read = &x->reads[i];

		/* One that gives pieces may go on with it. */
		if (read->state != READ_FREE && read->selection == selection &&
		    (read->state == READ_ASKED || !read->read))
			end(read, -ESTALE);
	}
}

void x11_read_end_all(struct x11_clipboard *x)
{
	for (size_t i = 0; i < X11_READS; i++) {
		if (x->reads[i].state != READ_FREE)
			end(&x->reads[i], -ECONNRESET);
	}
}

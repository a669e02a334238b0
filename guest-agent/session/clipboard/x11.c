/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x11: the clipboard of an X display, and of a Wayland desktop through its Xwayland where it has no
 * data control (Mutter keeps the two the same)
 *
 * XFixes says who owns the selections. Of a new owner TARGETS are asked; what the host offers is
 * owned by a window of ours.
 */
#include "guest-agent/session/clipboard/x11_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <xcb/xfixes.h>

#define RETRY_MS      2000 /* Xwayland comes back when it is needed */
#define TARGETS_BYTES 4096

xcb_atom_t x11_selection_atom(const struct x11_clipboard *x, enum clipboard_selection selection)
{
	return selection == CLIPBOARD_PRIMARY ? XCB_ATOM_PRIMARY : x->atom[ATOM_CLIPBOARD];
}

void x11_intern(xcb_connection_t *connection, const char *const *names, size_t count,
		xcb_atom_t *atoms)
{
	xcb_intern_atom_cookie_t cookies[X11_TYPES + ATOMS];

	count = MIN(count, ARRAY_SIZE(cookies));
	for (size_t i = 0; i < count; i++)
		cookies[i] = xcb_intern_atom(connection, 0, (uint16_t)strlen(names[i]), names[i]);
	for (size_t i = 0; i < count; i++) {
		xcb_intern_atom_reply_t *reply =
			xcb_intern_atom_reply(connection, cookies[i], NULL);

		atoms[i] = reply ? reply->atom : XCB_ATOM_NONE;
		free(reply);
	}
}

static bool selection_of(const struct x11_clipboard *x, xcb_atom_t atom,
			 enum clipboard_selection *selection)
{
	*selection = atom == XCB_ATOM_PRIMARY ? CLIPBOARD_PRIMARY : CLIPBOARD_CLIPBOARD;
	return atom == XCB_ATOM_PRIMARY || atom == x->atom[ATOM_CLIPBOARD];
}

/* --- What others have copied ---------------------------------------------------------------- */

static void ask_targets(const struct x11_clipboard *x, enum clipboard_selection selection)
{
	xcb_convert_selection(x->connection, x->window, x11_selection_atom(x, selection),
			      x->atom[ATOM_TARGETS], x->atom[ATOM_TYPES_FIRST + selection],
			      x->selection[selection].theirs);
}

static void tell_names(const struct x11_clipboard *x, enum clipboard_selection selection,
		       const xcb_atom_t *atoms, size_t count)
{
	xcb_get_atom_name_cookie_t cookies[CLIPBOARD_MAX_TYPES * 2];
	char names[ARRAY_SIZE(cookies)][CLIPBOARD_TYPE_MAX + 1];
	const char *types[ARRAY_SIZE(cookies)];
	size_t known = 0;

	count = MIN(count, ARRAY_SIZE(cookies));
	for (size_t i = 0; i < count; i++)
		cookies[i] = xcb_get_atom_name(x->connection, atoms[i]);
	for (size_t i = 0; i < count; i++) {
		xcb_get_atom_name_reply_t *reply =
			xcb_get_atom_name_reply(x->connection, cookies[i], NULL);
		const int length = reply ? xcb_get_atom_name_name_length(reply) : 0;

		if (length > 0 && length <= CLIPBOARD_TYPE_MAX) {
			memcpy(names[known], xcb_get_atom_name_name(reply), (size_t)length);
			names[known][length] = '\0';
			types[known] = names[known];
			known++;
		}
		free(reply);
	}
	clipboard_copied(x->clipboard, selection, types, known);
}

static void on_targets(const struct x11_clipboard *x, enum clipboard_selection selection,
		       xcb_atom_t property)
{
	xcb_get_property_reply_t *reply;

	if (x->selection[selection].owned || x->selection[selection].taking)
		return;
	if (property == XCB_ATOM_NONE) {
		clipboard_copied(x->clipboard, selection, NULL, 0);
		return;
	}
	reply = xcb_get_property_reply(x->connection,
				       xcb_get_property(x->connection, 1, x->window, property,
							XCB_GET_PROPERTY_TYPE_ANY, 0,
							TARGETS_BYTES / 4),
				       NULL);
	if (reply && reply->format == 32)
		tell_names(x, selection, xcb_get_property_value(reply), reply->value_len);
	free(reply);
}

static void owner_changed(struct x11_clipboard *x, const xcb_xfixes_selection_notify_event_t *event)
{
	enum clipboard_selection selection;
	struct x11_selection *known;

	if (!selection_of(x, event->selection, &selection))
		return;
	known = &x->selection[selection];
	known->owned = event->owner == x->window;
	x11_read_owner_gone(x, selection);
	if (known->owned)
		return;
	known->theirs = event->selection_timestamp;
	if (event->owner == XCB_NONE)
		clipboard_copied(x->clipboard, selection, NULL, 0);
	else
		ask_targets(x, selection);
}

/* --- What the host has copied --------------------------------------------------------------- */

/* Owned by us is what nobody has copied here. */
static void take(struct x11_clipboard *x, xcb_timestamp_t now)
{
	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++) {
		struct x11_selection *selection = &x->selection[i];

		if (!selection->taking)
			continue;
		selection->taking = false;
		selection->since = now;
		xcb_set_selection_owner(x->connection, x->window,
					x11_selection_atom(x, (enum clipboard_selection)i), now);
	}
}

static void offer(void *state, enum clipboard_selection which, const char *const *types)
{
	struct x11_clipboard *x = state;
	struct x11_selection *selection = &x->selection[which];
	const char *expanded[X11_TYPES];

	selection->count = clipboard_expand(types, expanded);
	for (size_t i = 0; i < selection->count; i++)
		strcpy(selection->name[i], expanded[i]); /* bounded by CLIPBOARD_TYPE_MAX */
	selection->taking = selection->count > 0;
	if (!x->x11)
		return;
	if (selection->count) {
		x11_intern(x->connection, expanded, selection->count, selection->atom);
		/* ICCCM 2.1: ownership needs a time, and an event has one. */
		xcb_change_property(x->connection, XCB_PROP_MODE_APPEND, x->window,
				    x->atom[ATOM_STAMP], XCB_ATOM_INTEGER, 32, 0, NULL);
	} else if (selection->owned) {
		xcb_set_selection_owner(x->connection, XCB_NONE, x11_selection_atom(x, which),
					selection->since);
	}
}

/* --- Events --------------------------------------------------------------------------------- */

static void on_property(struct x11_clipboard *x, const xcb_property_notify_event_t *event)
{
	if (event->window != x->window)
		x11_serve_property(x, event);
	else if (event->atom == x->atom[ATOM_STAMP])
		take(x, event->time);
	else
		x11_read_property(x, event);
}

static void on_notify(struct x11_clipboard *x, const xcb_selection_notify_event_t *event)
{
	enum clipboard_selection selection;

	if (event->requestor != x->window)
		return;
	if (event->target != x->atom[ATOM_TARGETS])
		x11_read_converted(x, event);
	else if (selection_of(x, event->selection, &selection))
		on_targets(x, selection, event->property);
}

static void on_event(void *owner, const xcb_generic_event_t *event)
{
	struct x11_clipboard *x = owner;
	const uint8_t type = event->response_type & 0x7f;

	/* Errors are of windows that have gone. */
	if (type == x->xfixes_event + XCB_XFIXES_SELECTION_NOTIFY)
		owner_changed(x, (const xcb_xfixes_selection_notify_event_t *)event);
	else if (type == XCB_SELECTION_NOTIFY)
		on_notify(x, (const xcb_selection_notify_event_t *)event);
	else if (type == XCB_SELECTION_REQUEST)
		x11_serve_request(x, (const xcb_selection_request_event_t *)event);
	else if (type == XCB_PROPERTY_NOTIFY)
		on_property(x, (const xcb_property_notify_event_t *)event);
}

static void end_all(struct x11_clipboard *x)
{
	x11_read_end_all(x);
	x11_serve_end_all(x);
	x11_close(x->x11);
	x->x11 = NULL;
}

static int connect_display(struct x11_clipboard *x);

static void on_retry(uv_timer_t *timer)
{
	struct x11_clipboard *x = timer->data;
	const struct x11_selection *selection;

	if (connect_display(x) < 0) {
		uv_timer_start(&x->retry, on_retry, RETRY_MS, 0);
		return;
	}
	/* What the host has offered meanwhile. */
	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++) {
		const char *names[X11_TYPES + 1];
		size_t count = 0;

		selection = &x->selection[i];
		if (!selection->taking)
			continue;
		for (; count < selection->count; count++)
			names[count] = selection->name[count];
		x11_intern(x->connection, names, count, x->selection[i].atom);
	}
	xcb_change_property(x->connection, XCB_PROP_MODE_APPEND, x->window, x->atom[ATOM_STAMP],
			    XCB_ATOM_INTEGER, 32, 0, NULL);
}

static void on_closed(void *owner)
{
	struct x11_clipboard *x = owner;

	end_all(x);
	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++) {
		clipboard_copied(x->clipboard, (enum clipboard_selection)i, NULL, 0);
		x->selection[i].taking |= x->selection[i].owned;
		x->selection[i].owned = false;
	}
	if (x->context->environment->kind == ENVIRONMENT_X11)
		x->context->over(x->context->owner);
	else
		uv_timer_start(&x->retry, on_retry, RETRY_MS, 0);
}

/* --- Start and end -------------------------------------------------------------------------- */

static bool has_xfixes(struct x11_clipboard *x)
{
	const xcb_query_extension_reply_t *extension =
		xcb_get_extension_data(x->connection, &xcb_xfixes_id);
	xcb_xfixes_query_version_reply_t *version;

	if (!extension || !extension->present)
		return false;
	version = xcb_xfixes_query_version_reply(
		x->connection, xcb_xfixes_query_version(x->connection, 1, 0), NULL);
	if (!version)
		return false;
	free(version);
	x->xfixes_event = extension->first_event;
	return true;
}

static void intern_own(struct x11_clipboard *x)
{
	static const char *const fixed[ATOM_READ_FIRST] = {
		"CLIPBOARD", "TARGETS",	    "TIMESTAMP",       "INCR",		"UTF8_STRING",
		"TEXT",	     "LODGE_STAMP", "LODGE_CLIPBOARD", "LODGE_PRIMARY",
	};
	const char *names[ATOMS];
	char reads[X11_READS][16];

	memcpy(names, fixed, sizeof(fixed));
	for (unsigned int i = 0; i < X11_READS; i++) {
		snprintf(reads[i], sizeof(reads[i]), "LODGE_READ_%u", i);
		names[ATOM_READ_FIRST + i] = reads[i];
	}
	x11_intern(x->connection, names, ATOMS, x->atom);
}

static void watch(struct x11_clipboard *x)
{
	const uint32_t mask = XCB_XFIXES_SELECTION_EVENT_MASK_SET_SELECTION_OWNER |
			      XCB_XFIXES_SELECTION_EVENT_MASK_SELECTION_WINDOW_DESTROY |
			      XCB_XFIXES_SELECTION_EVENT_MASK_SELECTION_CLIENT_CLOSE;

	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++) {
		const enum clipboard_selection selection = (enum clipboard_selection)i;
		const xcb_atom_t atom = x11_selection_atom(x, selection);
		xcb_get_selection_owner_reply_t *owner;

		xcb_xfixes_select_selection_input(x->connection, x->window, atom, mask);
		owner = xcb_get_selection_owner_reply(
			x->connection, xcb_get_selection_owner(x->connection, atom), NULL);
		if (owner && owner->owner != XCB_NONE)
			ask_targets(x, selection);
		free(owner);
	}
}

static int connect_display(struct x11_clipboard *x)
{
	static const struct x11_handlers handlers = {.event = on_event, .closed = on_closed};
	const uint32_t events = XCB_EVENT_MASK_PROPERTY_CHANGE;
	int error = x11_open(x->context->loop, &handlers, x, &x->x11);

	if (error)
		return error;
	x->connection = x11_connection(x->x11);
	if (!has_xfixes(x)) {
		x11_close(x->x11);
		x->x11 = NULL;
		return -ENOTSUP;
	}
	intern_own(x);
	x->window = xcb_generate_id(x->connection);
	xcb_create_window(x->connection, 0, x->window, x11_screen(x->x11)->root, -1, -1, 1, 1, 0,
			  XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT, XCB_CW_EVENT_MASK,
			  &events);
	watch(x);
	return 0;
}

static int start(const struct service_context *context, struct clipboard *clipboard, void **state)
{
	struct x11_clipboard *x;
	int error;

	if (!getenv("DISPLAY"))
		return -ENOTSUP;
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->context = context;
	x->clipboard = clipboard;
	error = connect_display(x);
	if (error) {
		free(x);
		return error;
	}
	uv_timer_init(context->loop, &x->retry);
	x->retry.data = x;
	*state = x;
	return 0;
}

static void on_released(uv_handle_t *timer)
{
	free(timer->data);
}

static void stop(void *state)
{
	struct x11_clipboard *x = state;

	end_all(x);
	uv_close((uv_handle_t *)&x->retry, on_released);
}

static void read_begin(void *state, struct clipboard_read *read)
{
	x11_read_begin(state, read);
}

static void read_more(void *state, struct clipboard_read *read)
{
	x11_read_more(state, read);
}

static void read_cancel(void *state, struct clipboard_read *read)
{
	x11_read_cancel(state, read);
}

const struct clipboard_backend clipboard_x11 = {
	.name = "x11",
	.start = start,
	.stop = stop,
	.offer = offer,
	.read = read_begin,
	.read_more = read_more,
	.read_cancel = read_cancel,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The clipboard, which either side grabs: we tell the viewer of types that somebody else offers,
 * and the viewer tells us of its own; bytes are asked for when somebody pastes. Serials count the
 * grabs of a selection; a grab of the viewer that is older than the last one is of no effect.
 */
#include "host/screen/dbus/internal.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

#define MAX_REQUESTS 16
#define MAX_TYPES    64

/* Bytes on their way: to the viewer, which has asked, or from it. */
struct clipboard_request {
	struct clipboard_request *next;
	struct dbus_viewer *viewer;
	DBusMessage *question;	       /* the viewer's; NULL: it is the viewer that was asked */
	const char *type;	       /* of the answer, one of what @question has asked for */
	char **types;		       /* where that lies */
	struct clipboard_paste *paste; /* likewise */
	uint64_t id;		       /* of clipboard_answer(), if the viewer was asked */
};

static struct clipboard *clipboard_of(const struct dbus_viewer *viewer)
{
	return screen_clipboard(viewer->viewer.screen);
}

/* --- Requests --------------------------------------------------------------------------------- */

static struct clipboard_request *new_request(struct dbus_viewer *viewer)
{
	struct clipboard_request *request;

	if (viewer->clipboard.requests >= MAX_REQUESTS)
		return NULL;
	request = calloc(1, sizeof(*request));
	if (!request)
		return NULL;
	request->viewer = viewer;
	request->next = viewer->clipboard.list;
	viewer->clipboard.list = request;
	viewer->clipboard.requests++;
	return request;
}

static void free_request(struct clipboard_request *request)
{
	struct display_clipboard *clipboard = &request->viewer->clipboard;
	struct clipboard_request **place = &clipboard->list;

	while (*place != request)
		place = &(*place)->next;
	*place = request->next;
	clipboard->requests--;
	if (request->question)
		dbus_message_unref(request->question);
	dbus_free_string_array(request->types);
	free(request);
}

void display_clipboard_end(struct dbus_viewer *viewer)
{
	while (viewer->clipboard.list) {
		struct clipboard_request *request = viewer->clipboard.list;

		if (request->paste)
			clipboard_paste_cancel(request->paste);
		free_request(request);
	}
	viewer->clipboard.registered = false;
}

/* --- To the viewer ---------------------------------------------------------------------------- */

/* Calls the viewer's own clipboard object; @message is gone then. */
static void tell(struct dbus_viewer *viewer, DBusMessage *message, bool good)
{
	if (!message)
		return;
	dbus_message_set_no_reply(message, TRUE);
	if (good && bus_peer_queued(viewer->peer) < DISPLAY_MAX_UNANSWERED / 4)
		bus_peer_send(viewer->peer, message, -1);
	dbus_message_unref(message);
}

static DBusMessage *new_call(const char *member)
{
	return dbus_message_new_method_call(NULL, DISPLAY_CLIPBOARD, display_clipboard.name,
					    member);
}

static void tell_selection(struct dbus_viewer *viewer, enum clipboard_selection selection)
{
	struct clipboard_types types =
		clipboard_types(clipboard_of(viewer), &viewer->viewer, selection);
	__typeof__(&viewer->clipboard.selection[0]) mine = &viewer->clipboard.selection[selection];
	uint32_t number = selection, serial;
	DBusMessageIter to;
	DBusMessage *message;

	if (types.count == 0) {
		if (!mine->grabbed)
			return;
		mine->grabbed = false;
		message = new_call("Release");
		tell(viewer, message,
		     message && dbus_message_append_args(message, DBUS_TYPE_UINT32, &number,
							 DBUS_TYPE_INVALID));
		return;
	}
	mine->grabbed = true;
	serial = ++mine->serial;
	message = new_call("Grab");
	if (!message)
		return;
	dbus_message_iter_init_append(message, &to);
	tell(viewer, message,
	     dbus_message_iter_append_basic(&to, DBUS_TYPE_UINT32, &number) &&
		     dbus_message_iter_append_basic(&to, DBUS_TYPE_UINT32, &serial) &&
		     display_put_strings(&to, types.type, types.count));
}

void display_clipboard_changed(struct dbus_viewer *viewer)
{
	if (!viewer->clipboard.registered || !clipboard_of(viewer))
		return;
	for (unsigned int i = 0; i < CLIPBOARD_SELECTIONS; i++)
		tell_selection(viewer, (enum clipboard_selection)i);
}

/* --- The viewer pastes ------------------------------------------------------------------------ */

static void on_pasted(void *owner, int error, struct slice bytes)
{
	struct clipboard_request *request = owner;
	const struct display_call call = {.viewer = request->viewer, .message = request->question};
	DBusMessage *answer = NULL;

	if (error == 0)
		answer = display_answer(&call);
	if (answer && dbus_message_append_args(answer, DBUS_TYPE_STRING, &request->type,
					       DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &bytes.bytes,
					       (int)bytes.length, DBUS_TYPE_INVALID)) {
		display_send(&call, answer);
	} else {
		if (answer)
			dbus_message_unref(answer);
		display_refuse(&call, DBUS_ERROR_FAILED, "what was copied did not come");
	}
	free_request(request);
}

static bool is_text(const char *type)
{
	return strcmp(type, "text/plain") == 0 || strcmp(type, CLIPBOARD_TEXT) == 0;
}

/* The first of @wanted that is offered; *@as: by what name. */
static const char *choose(const struct clipboard_types *offered, char **wanted, size_t count,
			  const char **as)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < offered->count; j++) {
			if (strcmp(offered->type[j], wanted[i]) == 0 ||
			    (is_text(offered->type[j]) && is_text(wanted[i]))) {
				*as = offered->type[j];
				return wanted[i];
			}
		}
	}
	return NULL;
}

static void paste(struct clipboard_request *request, const struct display_call *call,
		  enum clipboard_selection selection, size_t count)
{
	struct clipboard *clipboard = clipboard_of(call->viewer);
	struct clipboard_types types = clipboard_types(clipboard, &call->viewer->viewer, selection);
	const char *as = NULL;

	request->type = choose(&types, request->types, count, &as);
	if (!request->type ||
	    clipboard_paste(clipboard, &call->viewer->viewer, selection, as, CLIPBOARD_VIEWER_MAX,
			    on_pasted, request, &request->paste) < 0) {
		display_refuse(call, DBUS_ERROR_FAILED, "there is nothing of these types");
		free_request(request);
		return;
	}
	request->question = dbus_message_ref(call->message);
}

/* false: and the call is refused. */
static bool may_use(struct display_call *call, uint32_t selection)
{
	if (!call->viewer->clipboard.registered || !clipboard_of(call->viewer)) {
		display_refuse(call, DBUS_ERROR_FAILED, "call Register first");
		return false;
	}
	if (selection >= CLIPBOARD_SELECTIONS) {
		display_refuse(call, DBUS_ERROR_INVALID_ARGS, "there is no such selection");
		return false;
	}
	return true;
}

static void take_request(struct display_call *call)
{
	struct clipboard_request *request;
	uint32_t selection = 0;
	char **types = NULL;
	int count = 0;

	if (!dbus_message_get_args(call->message, NULL, DBUS_TYPE_UINT32, &selection,
				   DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &types, &count,
				   DBUS_TYPE_INVALID))
		return;
	request = may_use(call, selection) ? new_request(call->viewer) : NULL;
	if (request) {
		request->types = types;
		paste(request, call, (enum clipboard_selection)selection, (size_t)count);
		return;
	}
	if (call->viewer->clipboard.requests >= MAX_REQUESTS)
		display_refuse(call, DBUS_ERROR_LIMITS_EXCEEDED, "too much is asked for at once");
	dbus_free_string_array(types);
}

/* --- The viewer has copied -------------------------------------------------------------------- */

static void on_bytes(void *owner, DBusMessage *reply)
{
	struct clipboard_request *request = owner;
	struct viewer *viewer = &request->viewer->viewer;
	struct clipboard *clipboard = clipboard_of(request->viewer);
	const char *type;
	const uint8_t *bytes;
	int length = 0, result = -EIO;

	if (dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_METHOD_RETURN &&
	    dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &type, DBUS_TYPE_ARRAY,
				  DBUS_TYPE_BYTE, &bytes, &length, DBUS_TYPE_INVALID))
		result = clipboard_answer(clipboard, viewer, request->id, bytes, (size_t)length);
	clipboard_answered(clipboard, viewer, request->id, result);
	free_request(request);
}

static void on_wanted(struct viewer *base, uint64_t id, enum clipboard_selection selection,
		      const char *type)
{
	struct dbus_viewer *viewer = CONTAINER_OF(base, struct dbus_viewer, viewer);
	const char *const types[] = {type, "text/plain"};
	struct clipboard_request *request = new_request(viewer);
	DBusMessage *message = request ? new_call("Request") : NULL;
	uint32_t number = selection;
	DBusMessageIter to;
	int result = -ENOMEM;

	if (message) {
		request->id = id;
		dbus_message_iter_init_append(message, &to);
		if (dbus_message_iter_append_basic(&to, DBUS_TYPE_UINT32, &number) &&
		    display_put_strings(&to, types, is_text(type) ? 2 : 1))
			result = bus_peer_call(viewer->peer, message, -1, on_bytes, request);
		dbus_message_unref(message);
	}
	if (result == 0)
		return;
	if (request)
		free_request(request);
	clipboard_answered(clipboard_of(viewer), base, id, result);
}

static void take_grab(struct display_call *call)
{
	uint32_t selection = 0, serial = 0;
	char **types = NULL;
	int count = 0, result;
	__typeof__(&call->viewer->clipboard.selection[0]) mine;

	if (!dbus_message_get_args(call->message, NULL, DBUS_TYPE_UINT32, &selection,
				   DBUS_TYPE_UINT32, &serial, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING,
				   &types, &count, DBUS_TYPE_INVALID))
		return;
	if (may_use(call, selection)) {
		mine = &call->viewer->clipboard.selection[selection];
		if (serial < mine->serial) { /* somebody else was faster */
			display_done(call);
			dbus_free_string_array(types);
			return;
		}
		mine->serial = serial;
		mine->grabbed = false;
		result = clipboard_copied(clipboard_of(call->viewer), &call->viewer->viewer,
					  (enum clipboard_selection)selection,
					  (const char *const *)types, (size_t)MIN(count, MAX_TYPES),
					  on_wanted);
		if (result == -EPERM)
			display_refuse(call, DBUS_ERROR_ACCESS_DENIED,
				       "this viewer's clipboard stays with it");
		else if (result < 0)
			display_refuse(call, DBUS_ERROR_FAILED, "this cannot be taken");
		else
			display_done(call);
	}
	dbus_free_string_array(types);
}

static void take_release(struct display_call *call)
{
	uint32_t selection = 0;

	dbus_message_get_args(call->message, NULL, DBUS_TYPE_UINT32, &selection, DBUS_TYPE_INVALID);
	if (!may_use(call, selection))
		return;
	clipboard_copied(clipboard_of(call->viewer), &call->viewer->viewer,
			 (enum clipboard_selection)selection, NULL, 0, on_wanted);
	display_done(call);
}

static void take_register(struct display_call *call)
{
	struct display_clipboard *clipboard = &call->viewer->clipboard;

	if (!clipboard_of(call->viewer)) {
		display_refuse(call, DBUS_ERROR_FAILED, "there is no clipboard");
		return;
	}
	memset(clipboard->selection, 0, sizeof(clipboard->selection));
	clipboard->registered = true;
	display_done(call);
	display_clipboard_changed(call->viewer);
}

static void take_unregister(struct display_call *call)
{
	struct clipboard *clipboard = clipboard_of(call->viewer);

	for (unsigned int i = 0; clipboard && i < CLIPBOARD_SELECTIONS; i++)
		clipboard_copied(clipboard, &call->viewer->viewer, (enum clipboard_selection)i,
				 NULL, 0, on_wanted);
	call->viewer->clipboard.registered = false;
	display_done(call);
}

static bool put_interfaces(const struct dbus_viewer *viewer, unsigned int head,
			   DBusMessageIter *value)
{
	(void)viewer;
	(void)head;
	return display_put_strings(value, NULL, 0);
}

const struct display_interface display_clipboard = {
	.name = "org.qemu.Display1.Clipboard",
	.methods =
		(const struct display_method[]){
			{"Register", "", "", "", take_register},
			{"Unregister", "", "", "", take_unregister},
			{"Grab", "uuas", "", "selection serial mimes", take_grab},
			{"Release", "u", "", "selection", take_release},
			{"Request", "uas", "say", "selection mimes reply_mime data", take_request},
			{0},
		},
	.properties =
		(const struct display_property[]){
			{"Interfaces", "as", put_interfaces},
			{0},
		},
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard_control: "screen.clipboard-get", "screen.clipboard-set" and "screen.policy" of the
 * control socket (protocol/display.h). Who reaches that socket is the VM's user.
 */
#include "host/screen/clipboard_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>

/* A get or a set that is under way. */
struct control_operation {
	struct clipboard *clipboard;
	struct control_operation *next;
	struct stream *stream;
	enum clipboard_selection selection;
	char type[CLIPBOARD_TYPE_MAX + 1];
	/* get */
	struct clipboard_paste *paste;
	struct blob *blob;
	size_t sent;
	/* set */
	uint8_t *bytes;
	size_t length, capacity;
};

static void operation_free(struct control_operation *operation)
{
	struct control_operation **place = &operation->clipboard->operations;

	while (*place != operation)
		place = &(*place)->next;
	*place = operation->next;
	if (operation->paste)
		clipboard_paste_cancel(operation->paste);
	operation->clipboard->bytes_held -= operation->capacity;
	blob_drop(operation->blob);
	free(operation->bytes);
	free(operation);
}

static void operation_fail(struct control_operation *operation, int error, const char *text)
{
	stream_fail(operation->stream, error, text);
	operation_free(operation);
}

static void on_cancelled(struct stream *stream, void *owner)
{
	(void)stream;
	operation_fail(owner, ECANCELED, NULL);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	operation_free(owner);
}

static struct control_operation *operation_new(struct clipboard *clipboard, struct stream *stream,
					       struct slice params,
					       const struct stream_handlers *handlers)
{
	struct control_operation *operation;
	struct screen_clipboard wanted;
	enum clipboard_selection selection;

	if (message_decode(&message_screen_clipboard, params, &wanted) < 0 ||
	    selection_parse(wanted.selection, &selection) < 0 ||
	    wanted.type.length > CLIPBOARD_TYPE_MAX) {
		stream_fail(stream, EBADMSG, "clipboard: malformed parameters");
		return NULL;
	}
	if (selection == CLIPBOARD_PRIMARY && !clipboard->policy.primary) {
		stream_fail(stream, EPERM, "the policy does not let the primary selection through");
		return NULL;
	}
	operation = calloc(1, sizeof(*operation));
	if (!operation) {
		stream_fail(stream, ENOMEM, NULL);
		return NULL;
	}
	operation->clipboard = clipboard;
	operation->stream = stream;
	operation->selection = selection;
	if (wanted.type.length)
		memcpy(operation->type, wanted.type.bytes, wanted.type.length);
	if (wanted.type.length == 0 || clipboard_text_form(wanted.type) != TEXT_NONE)
		memcpy(operation->type, CLIPBOARD_TEXT, sizeof(CLIPBOARD_TEXT));
	operation->next = clipboard->operations;
	clipboard->operations = operation;
	stream_set_handlers(stream, handlers, operation);
	return operation;
}

/* --- Get ------------------------------------------------------------------------------------ */

static void get_more(struct control_operation *operation)
{
	const struct screen_clipboard result = {
		.selection = slice_of(selection_name(operation->selection)),
		.type = slice_of(operation->type),
	};
	uint8_t bytes[256];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	ssize_t taken;

	while (operation->sent < operation->blob->length) {
		taken = stream_send(operation->stream, 1, operation->blob->bytes + operation->sent,
				    operation->blob->length - operation->sent);
		if (taken < 0) {
			operation_fail(operation, (int)-taken, NULL);
			return;
		}
		if (taken == 0)
			return;
		operation->sent += (size_t)taken;
	}
	stream_end(operation->stream, 1);
	message_encode(&message_screen_clipboard, &result, &writer);
	stream_reply(operation->stream, cbor_written(&writer));
	operation_free(operation);
}

static void on_get_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	struct control_operation *operation = owner;

	(void)stream;
	(void)bytes;
	if (channel == 1 && operation->blob)
		get_more(operation);
}

static const struct stream_handlers get_handlers = {
	.credit = on_get_credit, .cancelled = on_cancelled, .closed = on_closed};

static void on_pasted(void *owner, int error, struct slice bytes)
{
	struct control_operation *operation = owner;
	struct blob *blob = operation->paste->blob;

	(void)bytes;
	operation->paste = NULL;
	if (error) {
		operation_fail(operation, error,
			       error == -ETIMEDOUT ? "who has copied it does not answer" : NULL);
		return;
	}
	operation->blob = blob_hold(blob);
	get_more(operation);
}

/* The types there are, a line each. */
static void get_types(struct control_operation *operation)
{
	const struct clipboard_types types =
		clipboard_types(operation->clipboard, NULL, operation->selection);
	const size_t most = CLIPBOARD_MAX_TYPES * (CLIPBOARD_TYPE_MAX + 1);
	uint8_t *list = malloc(most);
	size_t length = 0;

	for (size_t i = 0; list && i < types.count; i++) {
		memcpy(list + length, types.type[i], strlen(types.type[i]));
		length += strlen(types.type[i]);
		list[length++] = '\n';
	}
	operation->blob = list ? blob_new(list, length) : NULL;
	if (operation->blob)
		get_more(operation);
	else
		operation_fail(operation, ENOMEM, NULL);
}

static void get(struct clipboard *clipboard, struct stream *stream, struct slice params)
{
	struct control_operation *operation =
		operation_new(clipboard, stream, params, &get_handlers);
	int error;

	if (!operation)
		return;
	if (strcmp(operation->type, "*") == 0) {
		get_types(operation);
		return;
	}
	error = clipboard_paste(clipboard, NULL, operation->selection, operation->type,
				CLIPBOARD_MAX_BYTES, on_pasted, operation, &operation->paste);
	if (error == -ENOENT)
		operation_fail(operation, error,
			       clipboard->offer[operation->selection].by == SIDE_NOBODY
				       ? "nothing has been copied"
				       : "what was copied is not of this type, or the policy keeps "
					 "it there");
	else if (error)
		operation_fail(operation, error, NULL);
}

/* --- Set ------------------------------------------------------------------------------------ */

static void on_set_data(struct stream *stream, void *owner, unsigned int channel,
			struct slice bytes)
{
	struct control_operation *operation = owner;
	int error;

	stream_consumed(stream, channel, bytes.length);
	if (channel != 0)
		return;
	if (operation->length + bytes.length > copy_limit(operation->clipboard)) {
		operation_fail(operation, EFBIG, "this is more than the policy lets pass");
		return;
	}
	error = grow(operation->clipboard, &operation->bytes, operation->length, bytes.length,
		     &operation->capacity);
	if (error) {
		operation_fail(operation, error, "this is too much for a clipboard");
		return;
	}
	memcpy(operation->bytes + operation->length, bytes.bytes, bytes.length);
	operation->length += bytes.length;
}

static void on_set_end(struct stream *stream, void *owner, unsigned int channel)
{
	struct control_operation *operation = owner;
	struct clipboard *clipboard = operation->clipboard;
	struct blob *blob;

	if (channel != 0)
		return;
	blob = blob_new(take_ptr(operation->bytes), operation->length);
	clipboard->bytes_held -= operation->capacity;
	operation->capacity = 0;
	if (!blob) {
		operation_fail(operation, ENOMEM, NULL);
		return;
	}
	offer_held(clipboard, operation->selection, SIDE_USER, NULL, operation->type, blob);
	stream_reply(stream, (struct slice){0});
	operation_free(operation);
}

static const struct stream_handlers set_handlers = {
	.data = on_set_data, .end = on_set_end, .cancelled = on_cancelled, .closed = on_closed};

static void set(struct clipboard *clipboard, struct stream *stream, struct slice params)
{
	struct control_operation *operation =
		operation_new(clipboard, stream, params, &set_handlers);

	if (!operation)
		return;
	if (clipboard->policy.to_guest == CLIPBOARD_OFF)
		operation_fail(operation, EPERM, "the policy lets nothing into the guest");
	else if (!(clipboard->policy.to_guest & clipboard_kind_of(operation->type)))
		operation_fail(operation, EPERM, "the policy lets no such type into the guest");
	else if (strcmp(operation->type, CLIPBOARD_TEXT) != 0 &&
		 !clipboard_type_passes(slice_of(operation->type)))
		operation_fail(operation, EINVAL, "this is no MIME type");
}

/* --- Policy --------------------------------------------------------------------------------- */

/* An empty one leaves it as it is. */
static int take_kinds(struct slice words, unsigned int *kinds)
{
	return words.length ? clipboard_kinds_parse(words, kinds) : 0;
}

static int take_policy(const struct screen_policy *said, struct clipboard_policy *policy)
{
	if (take_kinds(said->to_guest, &policy->to_guest) < 0 ||
	    take_kinds(said->to_host, &policy->to_host) < 0 ||
	    (said->primary.length && !slice_is(said->primary, "on") &&
	     !slice_is(said->primary, "off")))
		return -EINVAL;
	if (said->primary.length)
		policy->primary = slice_is(said->primary, "on");
	if (said->max_bytes)
		policy->max_bytes = (size_t)said->max_bytes;
	return 0;
}

static void policy_call(struct clipboard *clipboard, struct stream *stream, struct slice params)
{
	char to_guest[CLIPBOARD_KINDS_BYTES], to_host[CLIPBOARD_KINDS_BYTES];
	struct clipboard_policy policy = clipboard->policy;
	struct screen_policy said;
	uint8_t bytes[192];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	if (message_decode(&message_screen_policy, params, &said) < 0) {
		stream_fail(stream, EBADMSG, "policy: malformed parameters");
		return;
	}
	if (take_policy(&said, &policy) < 0) {
		stream_fail(stream, EINVAL,
			    "policy: off, all, or some of text,images,files; primary: on or off");
		return;
	}
	if (said.to_guest.length || said.to_host.length || said.primary.length || said.max_bytes)
		clipboard_set_policy(clipboard, policy);
	said = (struct screen_policy){
		.to_guest = slice_of(clipboard_kinds_format(policy.to_guest, to_guest)),
		.to_host = slice_of(clipboard_kinds_format(policy.to_host, to_host)),
		.primary = slice_of(policy.primary ? "on" : "off"),
		.max_bytes = copy_limit(clipboard),
	};
	message_encode(&message_screen_policy, &said, &writer);
	stream_reply(stream, cbor_written(&writer));
}

bool clipboard_call(struct clipboard *clipboard, struct stream *stream, struct slice method,
		    struct slice params)
{
	if (slice_is(method, "screen.clipboard-get"))
		get(clipboard, stream, params);
	else if (slice_is(method, "screen.clipboard-set"))
		set(clipboard, stream, params);
	else if (slice_is(method, "screen.policy"))
		policy_call(clipboard, stream, params);
	else
		return false;
	return true;
}

void control_drop_all(struct clipboard *clipboard)
{
	while (clipboard->operations)
		operation_fail(clipboard->operations, ESHUTDOWN, "the screen ends");
}

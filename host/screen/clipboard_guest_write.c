/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard_guest_write: answers the guest's wants. What is wanted must be what the guest was
 * shown; it is fetched, and sent as a stream of its own, which a guest that takes nothing loses.
 */
#include "host/screen/clipboard_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>

#define WRITES_MAX 16 /* that are being answered */

/* A want of the guest, being answered. */
struct guest_write {
	struct clipboard *clipboard;
	struct guest_write *next;
	uint64_t id;
	struct clipboard_paste *paste; /* until the bytes are here */
	struct blob *blob;
	size_t sent;
	struct stream *stream;
	uv_timer_t timer; /* the guest takes nothing */
};

static void on_write_released(uv_handle_t *timer)
{
	free(timer->data);
}

static void write_free(struct guest_write *write)
{
	struct guest_write **place = &write->clipboard->writes;

	while (*place != write)
		place = &(*place)->next;
	*place = write->next;
	if (write->paste)
		clipboard_paste_cancel(write->paste);
	if (write->stream)
		guest_let_go(write->stream);
	blob_drop(write->blob);
	uv_close((uv_handle_t *)&write->timer, on_write_released);
}

static void on_write_stuck(uv_timer_t *timer)
{
	write_free(timer->data);
}

static void write_more(struct guest_write *write)
{
	ssize_t taken;

	while (write->blob && write->sent < write->blob->length) {
		taken = stream_send(write->stream, 0, write->blob->bytes + write->sent,
				    write->blob->length - write->sent);
		if (taken < 0) {
			write_free(write);
			return;
		}
		if (taken == 0)
			break;
		write->sent += (size_t)taken;
	}
	if (!write->blob || write->sent == write->blob->length)
		stream_end(write->stream, 0);
	uv_timer_start(&write->timer, on_write_stuck, CLIPBOARD_TIMEOUT_MS, 0);
}

static void on_write_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)stream;
	(void)bytes;
	if (channel == 0)
		write_more(owner);
}

static void on_write_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct guest_write *write = owner;

	(void)stream;
	if (result->error)
		log_debug("the guest did not take what it wanted to paste: %s",
			  error_text(result->error));
	write->stream = NULL;
	write_free(write);
}

static const struct stream_handlers write_handlers = {.credit = on_write_credit,
						      .closed = on_write_closed};

static int write_request(struct clipboard *clipboard, uint64_t id, int error,
			 const struct stream_handlers *handlers, void *owner,
			 struct stream **stream)
{
	const struct clipboard_write params = {
		.id = id,
		.number = (uint64_t)(error < 0 ? -error : error),
	};
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_clipboard_write, &params, &writer);
	return session_request(clipboard->guest, SLICE_LITERAL("clipboard.write"),
			       cbor_written(&writer), handlers, owner, stream);
}

static void on_refused(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)owner;
	(void)result;
}

static const struct stream_handlers refuse_handlers = {.closed = on_refused};

static void refuse(struct clipboard *clipboard, uint64_t id, int error)
{
	struct stream *stream;

	if (write_request(clipboard, id, error, &refuse_handlers, NULL, &stream) == 0)
		stream_end(stream, 0);
}

static void on_pasted(void *owner, int error, struct slice bytes)
{
	struct guest_write *write = owner;

	(void)bytes;
	if (!error)
		write->blob = blob_hold(write->paste->blob);
	write->paste = NULL;
	if (write_request(write->clipboard, write->id, error, &write_handlers, write,
			  &write->stream) < 0)
		write_free(write);
	else
		write_more(write);
}

void guest_want(struct clipboard *clipboard, const struct clipboard_want *wanted,
		enum clipboard_selection selection)
{
	const struct clipboard_types types = types_for(clipboard, SIDE_GUEST, NULL, selection);
	struct guest_write *write;
	unsigned int count = 0;
	size_t at = 0;
	int error;

	for (write = clipboard->writes; write; write = write->next)
		count++;
	while (at < types.count && !slice_is(wanted->type, types.type[at]))
		at++;
	if (types.serial == 0 || types.serial != wanted->serial ||
	    types.serial != clipboard->told[selection] || at == types.count) {
		refuse(clipboard, wanted->id, ESTALE);
		return;
	}
	write = count < WRITES_MAX ? calloc(1, sizeof(*write)) : NULL;
	if (!write) {
		refuse(clipboard, wanted->id, EAGAIN);
		return;
	}
	write->clipboard = clipboard;
	write->id = wanted->id;
	uv_timer_init(clipboard->loop, &write->timer);
	write->timer.data = write;
	write->next = clipboard->writes;
	clipboard->writes = write;
	error = paste_begin(clipboard, SIDE_GUEST, NULL, selection, types.type[at],
			    CLIPBOARD_MAX_BYTES, on_pasted, write, &write->paste);
	if (error) {
		write_free(write);
		refuse(clipboard, wanted->id, error);
	}
}

void guest_drop_writes(struct clipboard *clipboard)
{
	while (clipboard->writes)
		write_free(clipboard->writes);
}

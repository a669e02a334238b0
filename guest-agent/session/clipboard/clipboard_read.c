/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard_read: the host pastes what the desktop has copied
 *
 * Bytes go from the backend through a short queue to the stream, as far as the host takes them.
 */
#include "guest-agent/session/clipboard/clipboard_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/byte_queue.h"

#include <errno.h>
#include <stdlib.h>

#define CHANNEL	    1
#define QUEUE_BYTES (256U << 10)

struct reading {
	struct clipboard_read read;
	struct clipboard *clipboard;
	struct reading *next;
	struct stream *stream;
	char type[CLIPBOARD_TYPE_MAX + 1];
	struct byte_queue queue;
	uint64_t total;
	bool full;  /* the backend was told to wait */
	bool ended; /* all of it is in the queue, and the backend knows nothing of it */
	uv_timer_t timer;
};

static void on_released(uv_handle_t *timer)
{
	free(timer->data);
}

/* Forgets it; the backend and the stream have been told. */
static void reading_free(struct reading *reading)
{
	struct reading **place = &reading->clipboard->readings;

	while (*place != reading)
		place = &(*place)->next;
	*place = reading->next;
	byte_queue_clear(&reading->queue);
	uv_close((uv_handle_t *)&reading->timer, on_released);
}

static void backend_cancel(struct reading *reading)
{
	const struct clipboard *clipboard = reading->clipboard;

	if (!reading->ended)
		clipboard->backend->read_cancel(clipboard->backend_state, &reading->read);
}

static void fail(struct reading *reading, int error, const char *text)
{
	struct stream *stream = reading->stream;

	reading_free(reading);
	stream_fail(stream, error, text);
}

static void on_late(uv_timer_t *timer)
{
	struct reading *reading = timer->data;

	backend_cancel(reading);
	fail(reading, ETIMEDOUT, "the program that has copied it does not answer");
}

/* Sends what the host takes. 0; else it has failed and is no more. */
static int flush(struct reading *reading)
{
	ssize_t taken;

	while (reading->queue.length) {
		taken = stream_send(reading->stream, CHANNEL, byte_queue_front(&reading->queue),
				    reading->queue.length);
		if (taken < 0) {
			backend_cancel(reading);
			fail(reading, (int)taken, NULL);
			return (int)taken;
		}
		if (taken == 0)
			break;
		byte_queue_take(&reading->queue, (size_t)taken);
	}
	uv_timer_start(&reading->timer, on_late, CLIPBOARD_TIMEOUT_MS, 0);
	return 0;
}

static void finish(struct reading *reading)
{
	struct stream *stream = reading->stream;

	reading_free(reading);
	stream_end(stream, CHANNEL);
	stream_reply(stream, (struct slice){0});
}

/* --- For backends --------------------------------------------------------------------------- */

int read_data(struct clipboard_read *read, const void *bytes, size_t length)
{
	struct reading *reading = CONTAINER_OF(read, struct reading, read);
	int error = 0;

	if (length > CLIPBOARD_MAX_BYTES - reading->total)
		error = -EFBIG;
	else
		error = byte_queue_append(&reading->queue, bytes, length);
	if (error) {
		fail(reading, error, NULL);
		return -EFBIG;
	}
	reading->total += length;
	reading->ended = true; /* a failure below is told by what is returned */
	if (flush(reading) < 0)
		return -EFBIG;
	reading->ended = false;
	return 0;
}

bool read_wants_more(struct clipboard_read *read)
{
	struct reading *reading = CONTAINER_OF(read, struct reading, read);

	reading->full = reading->queue.length >= QUEUE_BYTES;
	return !reading->full;
}

void read_end(struct clipboard_read *read, int error)
{
	struct reading *reading = CONTAINER_OF(read, struct reading, read);

	reading->ended = true;
	if (error)
		fail(reading, error, NULL);
	else if (!reading->queue.length)
		finish(reading);
}

/* --- The stream ----------------------------------------------------------------------------- */

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	struct reading *reading = owner;
	const struct clipboard *clipboard = reading->clipboard;

	(void)stream;
	(void)bytes;
	if (channel != CHANNEL || flush(reading) < 0)
		return;
	if (reading->ended && !reading->queue.length) {
		finish(reading);
	} else if (!reading->ended && reading->full && reading->queue.length < QUEUE_BYTES / 2) {
		reading->full = false;
		clipboard->backend->read_more(clipboard->backend_state, &reading->read);
	}
}

static void on_cancelled(struct stream *stream, void *owner)
{
	(void)stream;
	backend_cancel(owner);
	fail(owner, ECANCELED, NULL);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	backend_cancel(owner);
	reading_free(owner);
}

static const struct stream_handlers handlers = {
	.credit = on_credit,
	.cancelled = on_cancelled,
	.closed = on_closed,
};

void reading_begin(struct clipboard *clipboard, struct stream *stream, struct slice params)
{
	enum clipboard_selection selection;
	const struct offered *copied;
	struct clipboard_want want;
	struct reading *reading;
	unsigned int count = 0;
	size_t at = 0;

	if (message_decode(&message_clipboard_want, params, &want) < 0 ||
	    selection_parse(want.selection, &selection) < 0) {
		stream_fail(stream, EINVAL, "malformed parameters");
		return;
	}
	copied = &clipboard->copied[selection];
	while (at < copied->count && !slice_is(want.type, copied->name[at]))
		at++;
	if (at == copied->count || copied->serial != want.serial) {
		stream_fail(stream, ESTALE, "something else was copied");
		return;
	}
	for (reading = clipboard->readings; reading; reading = reading->next)
		count++;
	reading = count < CLIPBOARD_READS ? calloc(1, sizeof(*reading)) : NULL;
	if (!reading) {
		stream_fail(stream, EAGAIN, "too many are pasting");
		return;
	}
	memcpy(reading->type, copied->name[at], sizeof(reading->type));
	reading->read = (struct clipboard_read){.selection = selection, .type = reading->type};
	reading->clipboard = clipboard;
	reading->stream = stream;
	reading->next = clipboard->readings;
	clipboard->readings = reading;
	uv_timer_init(clipboard->context->loop, &reading->timer);
	reading->timer.data = reading;
	uv_timer_start(&reading->timer, on_late, CLIPBOARD_TIMEOUT_MS, 0);
	stream_set_handlers(stream, &handlers, reading);
	clipboard->backend->read(clipboard->backend_state, &reading->read);
}

void reading_end_all(struct clipboard *clipboard)
{
	while (clipboard->readings) {
		backend_cancel(clipboard->readings);
		reading_free(clipboard->readings);
	}
}

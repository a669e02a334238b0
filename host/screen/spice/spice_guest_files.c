/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_guest_files: files for the guest, to where its agent puts them. Bytes are taken from the
 * host only as fast as the port takes them.
 */
#include "host/screen/spice/spice_guest_internal.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

#define QUEUE_BYTES (1U << 20) /* on the way to the port, more are not asked for */
#define TIMEOUT_MS  60000      /* for an answer at the beginning and at the end */

struct spice_file {
	struct spice_guest *spice;
	struct spice_file *next;
	struct stream *stream;
	uint32_t id;
	uint64_t size, left;
	size_t owed; /* bytes that were taken and not given credit for */
	bool may_send;
	uv_timer_t timer;
};

static void on_released(uv_handle_t *timer)
{
	free(timer->data);
}

static void file_free(struct spice_file *file)
{
	struct spice_file **place = &file->spice->files;

	while (*place != file)
		place = &(*place)->next;
	*place = file->next;
	uv_close((uv_handle_t *)&file->timer, on_released);
}

static void file_fail(struct spice_file *file, int error, const char *text)
{
	struct stream *stream = file->stream;

	file_free(file);
	stream_fail(stream, error, text);
}

/* The guest is told that no more comes. */
static void say_cancelled(const struct spice_file *file)
{
	const struct spice_file_status status = {.id = file->id, .result = SPICE_FILE_CANCELLED};
	uint8_t bytes[SPICE_FILE_STATUS_SIZE];
	const size_t length = spice_file_status_encode(&status, file->spice->both, 0, bytes);

	spice_guest_say(file->spice, SPICE_FILE_XFER_STATUS, (struct slice){bytes, length},
			(struct slice){0});
}

static void on_late(uv_timer_t *timer)
{
	struct spice_file *file = timer->data;

	say_cancelled(file);
	file_fail(file, ETIMEDOUT, "the guest's SPICE agent does not answer");
}

static void say_data(struct spice_file *file, struct slice data)
{
	uint8_t bytes[SPICE_FILE_DATA_SIZE];

	spice_file_data_encode(file->id, data.length, bytes);
	spice_guest_say(file->spice, SPICE_FILE_XFER_DATA, (struct slice){bytes, sizeof(bytes)},
			data);
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct spice_file *file = owner;

	if (channel != 0) {
		stream_consumed(stream, channel, bytes.length);
		return;
	}
	if (!file->may_send || bytes.length > file->left) {
		say_cancelled(file);
		file_fail(file, EPROTO, "the file is not as was said");
		return;
	}
	file->left -= bytes.length;
	file->owed += bytes.length;
	say_data(file, bytes);
	uv_timer_start(&file->timer, on_late, TIMEOUT_MS, 0);
}

static void on_end(struct stream *stream, void *owner, unsigned int channel)
{
	struct spice_file *file = owner;

	(void)stream;
	if (channel != 0)
		return;
	if (file->left) {
		say_cancelled(file);
		file_fail(file, EPIPE, "there is less of the file than was said");
	} else if (file->size == 0) {
		say_data(file, (struct slice){0}); /* that ends an empty one */
	}
}

static void on_cancelled(struct stream *stream, void *owner)
{
	(void)stream;
	say_cancelled(owner);
	file_fail(owner, ECANCELED, NULL);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	say_cancelled(owner);
	file_free(owner);
}

static const struct stream_handlers handlers = {
	.data = on_data,
	.end = on_end,
	.cancelled = on_cancelled,
	.closed = on_closed,
};

void spice_guest_files_more(struct spice_guest *spice)
{
	if (spice->wire.out.length > QUEUE_BYTES)
		return;
	for (struct spice_file *file = spice->files; file; file = file->next) {
		const size_t owed = file->owed;

		file->owed = 0;
		if (owed)
			stream_consumed(file->stream, 0, owed);
	}
}

void spice_guest_files_begin(struct spice_guest *spice)
{
	while (spice->files)
		file_fail(spice->files, ECONNRESET, "the guest's SPICE agent began anew");
}

void spice_guest_files_receive(struct spice_guest *spice, struct stream *stream,
			       struct slice params)
{
	struct spice_file_start start = {.id = ++spice->last_file};
	struct files_receive want;
	struct spice_file *file;
	unsigned int count = 0;
	uint8_t bytes[SPICE_FILE_START_SIZE];
	size_t length;

	if (message_decode(&message_files_receive, params, &want) < 0 ||
	    !spice_file_name_is_good(want.name)) {
		stream_fail(stream, EINVAL, "that is no good name for a file");
		return;
	}
	if (!spice->theirs || spice->theirs & SPICE_CAP(FILE_XFER_DISABLED)) {
		stream_fail(stream, ENOTCONN, "the guest takes no files");
		return;
	}
	for (file = spice->files; file; file = file->next)
		count++;
	file = count < SPICE_FILES ? calloc(1, sizeof(*file)) : NULL;
	if (!file) {
		stream_fail(stream, EAGAIN, "too many files go at once");
		return;
	}
	memcpy(start.name, want.name.bytes, want.name.length);
	start.size = want.size_bytes;
	length = spice_file_start_encode(&start, bytes);
	file->spice = spice;
	file->stream = stream;
	file->id = start.id;
	file->size = file->left = start.size;
	uv_timer_init(spice->loop, &file->timer);
	file->timer.data = file;
	uv_timer_start(&file->timer, on_late, TIMEOUT_MS, 0);
	file->next = spice->files;
	spice->files = file;
	stream_set_handlers(stream, &handlers, file);
	spice_guest_say(spice, SPICE_FILE_XFER_START, (struct slice){bytes, length},
			(struct slice){0});
}

static void succeed(struct spice_file *file)
{
	const struct files_received received = {.size_bytes = file->size};
	struct stream *stream = file->stream;
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	if (file->left) {
		file_fail(file, EPROTO, "the guest says it has all of a file that it has not");
		return;
	}
	file_free(file);
	message_encode(&message_files_received, &received, &writer);
	stream_reply(stream, cbor_written(&writer));
}

void spice_guest_files_status(struct spice_guest *spice, struct slice payload)
{
	struct spice_file *file = spice->files;
	struct spice_file_status status;

	if (spice_file_status_parse(payload, &status) < 0)
		return;
	while (file && file->id != status.id)
		file = file->next;
	if (!file)
		return;
	switch (status.result) {
	case SPICE_FILE_CAN_SEND_DATA:
		if (!file->may_send)
			stream_message(file->stream, SLICE_LITERAL("ready"), (struct slice){0});
		file->may_send = true;
		break;
	case SPICE_FILE_SUCCESS:
		succeed(file);
		break;
	case SPICE_FILE_CANCELLED:
		file_fail(file, ECANCELED, NULL);
		break;
	case SPICE_FILE_NOT_ENOUGH_SPACE:
		file_fail(file, ENOSPC, NULL);
		break;
	case SPICE_FILE_SESSION_LOCKED:
		file_fail(file, EACCES, "the desktop is locked");
		break;
	case SPICE_FILE_VDAGENT_NOT_CONNECTED:
		file_fail(file, ENOTCONN, "no desktop session has the screen");
		break;
	case SPICE_FILE_DISABLED:
		file_fail(file, EPERM, "the guest takes no files");
		break;
	default:
		file_fail(file, EIO, "the guest could not take the file");
		break;
	}
}

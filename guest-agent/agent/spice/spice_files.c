/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_files: files that are dropped on the viewer's window, for the user who has the screen
 * ("files.receive"). The name is one component or refused, no more bytes are taken than were said.
 */
#include "guest-agent/agent/spice/spice_internal.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

#define QUEUE_BYTES (64U << 20) /* that the disk is behind the client */

struct spice_file {
	struct spice *spice;
	struct spice_file *next;
	struct stream *stream;
	uint32_t id;
	uint64_t left; /* bytes that are still to come */
	struct byte_queue queue;
};

static void say(struct spice *spice, uint32_t id, enum spice_file_result result)
{
	const struct spice_file_status status = {.id = id, .result = result};
	uint8_t bytes[SPICE_FILE_STATUS_SIZE];
	const size_t length = spice_file_status_encode(&status, spice->both, 0, bytes);

	spice_say(spice, SPICE_FILE_XFER_STATUS, (struct slice){bytes, length}, (struct slice){0});
}

static void file_free(struct spice_file *file)
{
	struct spice_file **place = &file->spice->files;

	while (*place != file)
		place = &(*place)->next;
	*place = file->next;
	if (file->stream)
		spice_stream_let_go(file->stream);
	byte_queue_clear(&file->queue);
	free(file);
}

static void file_end(struct spice_file *file, enum spice_file_result result)
{
	say(file->spice, file->id, result);
	file_free(file);
}

static void flush(struct spice_file *file)
{
	while (file->queue.length) {
		const ssize_t taken = stream_send(file->stream, 0, byte_queue_front(&file->queue),
						  file->queue.length);

		if (taken <= 0)
			return; /* credit comes, or the end with its reason */
		byte_queue_take(&file->queue, (size_t)taken);
	}
	if (file->left == 0)
		stream_end(file->stream, 0);
}

static void on_ready(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct spice_file *file = owner;

	(void)stream;
	(void)params;
	if (!slice_is(name, "ready"))
		return;
	say(file->spice, file->id, SPICE_FILE_CAN_SEND_DATA);
	flush(file); /* an empty file is complete */
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)stream;
	(void)bytes;
	if (channel == 0)
		flush(owner);
}

static enum spice_file_result result_of(int error)
{
	switch (error) {
	case 0:
		return SPICE_FILE_SUCCESS;
	case -ENOSPC:
	case -EFBIG:
		return SPICE_FILE_NOT_ENOUGH_SPACE;
	case -ENOTCONN:
		return SPICE_FILE_VDAGENT_NOT_CONNECTED;
	case -ENOSYS:
		return SPICE_FILE_DISABLED;
	case -ECANCELED:
		return SPICE_FILE_CANCELLED;
	default:
		return SPICE_FILE_ERROR;
	}
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct spice_file *file = owner;

	(void)stream;
	file->stream = NULL;
	file_end(file, result_of(result->error));
}

static const struct stream_handlers handlers = {
	.message = on_ready,
	.credit = on_credit,
	.closed = on_closed,
};

static struct spice_file *find(const struct spice *spice, uint32_t id)
{
	struct spice_file *file = spice->files;

	while (file && file->id != id)
		file = file->next;
	return file;
}

static void begin(struct spice *spice, const struct spice_file_start *start)
{
	const struct files_receive want = {
		.name = slice_of(start->name),
		.size_bytes = start->size,
	};
	struct spice_file *file;
	unsigned int count = 0;
	uint8_t bytes[512];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	for (file = spice->files; file; file = file->next)
		count++;
	file = count < SPICE_FILES && spice->session ? calloc(1, sizeof(*file)) : NULL;
	if (!file) {
		say(spice, start->id, SPICE_FILE_ERROR);
		return;
	}
	*file = (struct spice_file){
		.spice = spice,
		.next = spice->files,
		.id = start->id,
		.left = start->size,
	};
	spice->files = file;
	message_encode(&message_files_receive, &want, &writer);
	if (session_request(spice->session, SLICE_LITERAL("files.receive"), cbor_written(&writer),
			    &handlers, file, &file->stream) < 0)
		file_end(file, SPICE_FILE_ERROR);
}

static void data_message(struct spice *spice, struct slice payload)
{
	struct spice_file_data data;
	struct spice_file *file;

	if (payload.length < 4)
		return;
	file = find(spice, load_le32(payload.bytes));
	if (!file)
		return; /* of one that has ended */
	if (spice_file_data_parse(payload, &data) < 0 || data.data.length > file->left ||
	    file->queue.length + data.data.length > QUEUE_BYTES ||
	    byte_queue_append(&file->queue, data.data.bytes, data.data.length) < 0) {
		file_end(file, SPICE_FILE_ERROR);
		return;
	}
	if (data.data.length == 0)
		return;
	file->left -= data.data.length;
	flush(file);
}

void spice_files_message(struct spice *spice, enum spice_type type, struct slice payload)
{
	struct spice_file_status status;
	struct spice_file_start start;
	struct spice_file *file;

	if (type == SPICE_FILE_XFER_DATA) {
		data_message(spice, payload);
	} else if (type == SPICE_FILE_XFER_STATUS) {
		file = spice_file_status_parse(payload, &status) < 0 ? NULL
								     : find(spice, status.id);
		if (file &&
		    (status.result == SPICE_FILE_CANCELLED || status.result == SPICE_FILE_ERROR))
			file_free(file);
	} else if (payload.length >= 4) {
		if (spice_file_start_parse(payload, &start) < 0 || find(spice, start.id))
			say(spice, load_le32(payload.bytes), SPICE_FILE_ERROR);
		else
			begin(spice, &start);
	}
}

void spice_files_end(struct spice *spice)
{
	while (spice->files)
		file_free(spice->files);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * files: takes files of the host. Until all of it is there a file has no name, or where the file
 * system knows no such files a hidden one, so that nothing is left when the transfer ends before.
 */
#include "guest-agent/session/files.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/display.h"
#include "protocol/spice/spice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#define TRANSFERS  8		 /* at once */
#define SPARE	   (64ULL << 20) /* that is left free on the disk */
#define TIMEOUT_MS 60000	 /* without a byte */

struct files {
	uv_loop_t *loop;
	struct transfer *transfers;
};

struct transfer {
	struct files *files;
	struct transfer *next;
	struct stream *stream;
	char name[SPICE_FILE_NAME_MAX + 1];
	uint64_t size, written;
	struct files_part part;
	uv_timer_t timer;
};

static void on_released(uv_handle_t *timer)
{
	free(timer->data);
}

static void transfer_free(struct transfer *transfer)
{
	struct transfer **place = &transfer->files->transfers;

	while (*place != transfer)
		place = &(*place)->next;
	*place = transfer->next;
	files_part_end(&transfer->part);
	uv_close((uv_handle_t *)&transfer->timer, on_released);
}

static void fail(struct transfer *transfer, int error, const char *text)
{
	struct stream *stream = transfer->stream;

	transfer_free(transfer);
	stream_fail(stream, error, text);
}

static void on_late(uv_timer_t *timer)
{
	fail(timer->data, ETIMEDOUT, "no byte came for a minute");
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct transfer *transfer = owner;

	stream_consumed(stream, channel, bytes.length);
	if (channel != 0)
		return;
	if (bytes.length > transfer->size - transfer->written) {
		fail(transfer, EFBIG, "there is more of the file than was said");
		return;
	}
	while (bytes.length) {
		const ssize_t length = write(transfer->part.fd, bytes.bytes, bytes.length);

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0) {
			fail(transfer, errno, NULL);
			return;
		}
		bytes.bytes += length;
		bytes.length -= (size_t)length;
		transfer->written += (size_t)length;
	}
	uv_timer_start(&transfer->timer, on_late, TIMEOUT_MS, 0);
}

static void on_end(struct stream *stream, void *owner, unsigned int channel)
{
	struct transfer *transfer = owner;
	struct files_received received = {.size_bytes = transfer->written};
	char placed[FILES_NAME_BYTES];
	uint8_t bytes[FILES_NAME_BYTES + 64];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	int error;

	if (channel != 0)
		return;
	if (transfer->written != transfer->size) {
		fail(transfer, EPIPE, "there is less of the file than was said");
		return;
	}
	error = files_place(&transfer->part, transfer->name, placed);
	if (error) {
		fail(transfer, error, NULL);
		return;
	}
	transfer_free(transfer);
	received.name = slice_of(placed);
	message_encode(&message_files_received, &received, &writer);
	stream_reply(stream, cbor_written(&writer));
}

static void on_cancelled(struct stream *stream, void *owner)
{
	(void)stream;
	fail(owner, ECANCELED, NULL);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	transfer_free(owner);
}

static const struct stream_handlers handlers = {
	.data = on_data,
	.end = on_end,
	.cancelled = on_cancelled,
	.closed = on_closed,
};

static int open_part(uint64_t size, struct files_part *part)
{
	_cleanup_close_ int folder = files_open_folder();
	struct statvfs status;
	int error;

	if (folder < 0)
		return folder;
	if (fstatvfs(folder, &status) < 0)
		return -errno;
	if (size > INT64_MAX)
		return -EFBIG;
	if ((unsigned __int128)status.f_bavail * status.f_frsize < (unsigned __int128)size + SPARE)
		return -ENOSPC;
	error = files_create(folder, part);
	if (!error)
		take_fd(&folder);
	return error;
}

static void files_receive(void *state, struct stream *stream, struct slice params)
{
	struct files *files = state;
	struct files_receive want;
	struct transfer *transfer;
	unsigned int count = 0;
	int error;

	if (message_decode(&message_files_receive, params, &want) < 0 ||
	    !spice_file_name_is_good(want.name)) {
		stream_fail(stream, EINVAL, "that is no good name for a file");
		return;
	}
	for (transfer = files->transfers; transfer; transfer = transfer->next)
		count++;
	transfer = count < TRANSFERS ? calloc(1, sizeof(*transfer)) : NULL;
	if (!transfer) {
		stream_fail(stream, EAGAIN, "too many files come at once");
		return;
	}
	error = open_part(want.size_bytes, &transfer->part);
	if (error) {
		free(transfer);
		stream_fail(stream, error, NULL);
		return;
	}
	transfer->files = files;
	transfer->stream = stream;
	transfer->size = want.size_bytes;
	memcpy(transfer->name, want.name.bytes, want.name.length);
	uv_timer_init(files->loop, &transfer->timer);
	transfer->timer.data = transfer;
	uv_timer_start(&transfer->timer, on_late, TIMEOUT_MS, 0);
	transfer->next = files->transfers;
	files->transfers = transfer;
	stream_set_handlers(stream, &handlers, transfer);
	stream_message(stream, SLICE_LITERAL("ready"), (struct slice){0});
}

static int start(const struct service_context *context, void **state)
{
	struct files *files = calloc(1, sizeof(*files));

	if (!files)
		return -ENOMEM;
	files->loop = context->loop;
	*state = files;
	return 0;
}

static void stop(void *state)
{
	free(state);
}

const struct service session_service_files = {
	.name = "files",
	.summary = "takes files that are dropped on the desktop from outside",
	.start = start,
	.stop = stop,
	.methods =
		(const struct service_method[]){
			{"files.receive", files_receive},
			{NULL, NULL},
		},
};

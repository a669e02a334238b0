/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/screen/screen_client.h"
#include "host/cli/text.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- Bytes --------------------------------------------------------------------------------- */

void screen_bytes_end(struct screen_bytes *bytes)
{
	free(bytes->bytes);
	*bytes = (struct screen_bytes){0};
}

static int make_room(struct screen_bytes *bytes, size_t length)
{
	size_t needed, capacity;
	uint8_t *grown;

	if (length > SCREEN_MAX_BYTES - bytes->length)
		return -EFBIG;
	needed = bytes->length + length;
	if (needed <= bytes->capacity)
		return 0;
	capacity = MAX(needed, MAX(2 * bytes->capacity, (size_t)65536));
	grown = realloc(bytes->bytes, capacity);
	if (!grown)
		return -ENOMEM;
	bytes->bytes = grown;
	bytes->capacity = capacity;
	return 0;
}

int screen_bytes_add(struct screen_bytes *bytes, const void *more, size_t length)
{
	int r = make_room(bytes, length);

	if (r < 0)
		return r;
	if (length > 0)
		memcpy(bytes->bytes + bytes->length, more, length);
	bytes->length += length;
	return 0;
}

int screen_bytes_read(struct screen_bytes *bytes, int fd)
{
	char part[65536];
	ssize_t length;
	int r;

	while ((length = read(fd, part, sizeof(part))) != 0) {
		if (length < 0 && errno == EINTR)
			continue;
		r = length < 0 ? -errno : screen_bytes_add(bytes, part, (size_t)length);
		if (r < 0)
			return r;
	}
	return 0;
}

int screen_bytes_write(const struct screen_bytes *bytes, int fd)
{
	for (size_t done = 0; done < bytes->length;) {
		ssize_t written = write(fd, bytes->bytes + done, bytes->length - done);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0)
			done += (size_t)written;
	}
	return 0;
}

/* --- The session --------------------------------------------------------------------------- */

int screen_open(struct client *client, const char *vm, struct agent **screen)
{
	DBusMessage *message =
		client_vm_message(client, vm, LODGE_VM_INTERFACE, "OpenScreenControl");
	int fd;

	if (!message)
		return -ENOENT;
	fd = client_vm_descriptor(client, vm, message);
	return fd < 0 ? fd : agent_new(fd, vm, screen);
}

struct transfer {
	const struct screen_bytes *in;
	struct screen_bytes *out;
	size_t sent;
	uint8_t *reply;
	size_t capacity;
	ssize_t result;
	char failure[512];
	int error; /* on this side */
	bool done;
};

static void send_more(struct stream *stream, struct transfer *transfer)
{
	const struct screen_bytes *in = transfer->in;

	while (transfer->sent < in->length) {
		ssize_t taken = stream_send(stream, 0, in->bytes + transfer->sent,
					    in->length - transfer->sent);

		if (taken <= 0)
			return;
		transfer->sent += (size_t)taken;
	}
	stream_end(stream, 0);
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	struct transfer *transfer = owner;

	(void)bytes;
	if (channel == 0 && transfer->in && transfer->sent < transfer->in->length)
		send_more(stream, transfer);
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct transfer *transfer = owner;

	if (channel == 1 && transfer->out && !transfer->error) {
		transfer->error = screen_bytes_add(transfer->out, bytes.bytes, bytes.length);
		if (transfer->error)
			stream_cancel(stream);
	}
	stream_consumed(stream, channel, bytes.length);
}

static void say_failure(struct transfer *transfer, const struct stream_result *result)
{
	if (result->error == -ECONNRESET)
		snprintf(transfer->failure, sizeof(transfer->failure), "its screen has ended");
	else if (result->error == -ENOSYS)
		snprintf(transfer->failure, sizeof(transfer->failure), "its screen cannot do that");
	else
		agent_failure(result, transfer->failure, sizeof(transfer->failure));
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct transfer *transfer = owner;

	(void)stream;
	transfer->done = true;
	transfer->result = transfer->error ? transfer->error : result->error;
	if (transfer->error)
		snprintf(transfer->failure, sizeof(transfer->failure), "%s",
			 error_text(transfer->error));
	else if (result->error)
		say_failure(transfer, result);
	if (transfer->result)
		return;
	if (result->params.length > transfer->capacity) {
		transfer->result = -EMSGSIZE;
		snprintf(transfer->failure, sizeof(transfer->failure), "the answer is too long");
		return;
	}
	if (result->params.length > 0)
		memcpy(transfer->reply, result->params.bytes, result->params.length);
	transfer->result = (ssize_t)result->params.length;
}

ssize_t screen_call(struct agent *screen, const char *method, const struct message_type *type,
		    const void *params, const struct screen_bytes *in, struct screen_bytes *out,
		    uint8_t *reply, size_t capacity)
{
	static const struct stream_handlers handlers = {
		.data = on_data, .credit = on_credit, .closed = on_closed};
	struct transfer transfer = {.in = in, .out = out, .reply = reply, .capacity = capacity};
	struct stream *stream;
	int r = agent_request(screen, method, type, params, &handlers, &transfer, &stream);

	if (r < 0) {
		log_error("%s: %s", screen->vm, error_text(r));
		return r;
	}
	if (in)
		send_more(stream, &transfer);
	agent_wait(screen, &transfer.done);
	if (transfer.result < 0)
		log_error("%s: %s", screen->vm, transfer.failure);
	return transfer.result;
}

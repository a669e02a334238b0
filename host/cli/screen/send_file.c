/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/screen/send_file.h"
#include "host/cli/text.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/display.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHANNEL	    0
#define CHUNK_BYTES 65536

struct sending {
	int fd;
	uint64_t left; /* bytes that are still to be read */
	struct progress *progress;
	struct stream *stream;
	uv_signal_t signals[2];
	bool ready; /* the guest takes it */
	bool done;
	int error;	    /* on this side; then the stream was cancelled */
	const char *reason; /* for it, or NULL */
	char failure[512];  /* what the other side said */
	char *name;
};

static void give_up(struct sending *sending, int error, const char *reason)
{
	if (sending->error || sending->done)
		return;
	sending->error = error;
	sending->reason = reason;
	stream_cancel(sending->stream);
}

static void send_some(struct sending *sending)
{
	uint8_t chunk[CHUNK_BYTES];
	size_t room;

	while (sending->left && !sending->error &&
	       (room = stream_credit(sending->stream, CHANNEL)) > 0) {
		const size_t wanted = MIN(MIN(room, sizeof(chunk)), sending->left);
		const ssize_t length = read(sending->fd, chunk, wanted);

		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0) {
			give_up(sending, length < 0 ? -errno : -EIO,
				length < 0 ? NULL : "it became shorter while it was sent");
			return;
		}
		if (stream_send(sending->stream, CHANNEL, chunk, (size_t)length) != length) {
			give_up(sending, -ENOMEM, NULL);
			return;
		}
		sending->left -= (size_t)length;
		sending->progress->done_bytes += (size_t)length;
		if (!sending->left)
			stream_end(sending->stream, CHANNEL);
	}
	progress_update(sending->progress);
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct sending *sending = owner;

	(void)params;
	if (!slice_is(name, "ready") || sending->ready)
		return;
	sending->ready = true;
	if (sending->left)
		send_some(sending);
	else
		stream_end(stream, CHANNEL);
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	struct sending *sending = owner;

	(void)stream;
	(void)bytes;
	if (channel == CHANNEL && sending->ready)
		send_some(sending);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct sending *sending = owner;
	struct files_received received;

	(void)stream;
	sending->done = true;
	if (sending->error)
		return;
	sending->error = result->error;
	if (result->error) {
		agent_failure(result, sending->failure, sizeof(sending->failure));
		sending->reason = sending->failure;
	} else if (message_decode(&message_files_received, result->params, &received) == 0) {
		text_clean_into(received.name, sending->name, SEND_FILE_NAME_BYTES);
	}
}

static const struct stream_handlers handlers = {
	.message = on_message,
	.credit = on_credit,
	.closed = on_closed,
};

/* --- Ctrl-C -------------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int number)
{
	/* Another one ends this program. */
	uv_signal_stop(handle);
	signal(number, SIG_DFL);
	give_up(handle->data, -ECANCELED, NULL);
}

static void watch_signals(struct agent *screen, struct sending *sending)
{
	static const int numbers[] = {SIGINT, SIGTERM};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uv_signal_init(&screen->loop, &sending->signals[i]);
		sending->signals[i].data = sending;
		uv_signal_start(&sending->signals[i], on_signal, numbers[i]);
	}
}

static void on_handle_closed(uv_handle_t *handle)
{
	handle->data = NULL;
}

static void leave_signals(struct agent *screen, struct sending *sending)
{
	for (size_t i = 0; i < ARRAY_SIZE(sending->signals); i++)
		uv_close((uv_handle_t *)&sending->signals[i], on_handle_closed);
	while (sending->signals[0].data || sending->signals[1].data)
		uv_run(&screen->loop, UV_RUN_ONCE);
}

/* --- One file ------------------------------------------------------------------------------ */

static int open_regular(const char *path, uint64_t *size)
{
	/* Non-blocking: a pipe shall not keep us waiting. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0) {
		const int error = -errno;

		log_error("%s: %s", path, error_text(error));
		return error;
	}
	if (!S_ISREG(status.st_mode)) {
		log_error("%s is %s; files are sent one by one", path,
			  S_ISDIR(status.st_mode) ? "a folder" : "no file");
		return S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
	}
	*size = (uint64_t)status.st_size;
	return take_fd(&fd);
}

int send_file(struct agent *screen, const char *path, struct progress *progress,
	      char name[SEND_FILE_NAME_BYTES])
{
	const char *slash = strrchr(path, '/');
	struct files_receive params = {.name = slice_of(slash ? slash + 1 : path)};
	_cleanup_close_ int fd = open_regular(path, &params.size_bytes);
	struct sending sending = {
		.fd = fd, .left = params.size_bytes, .progress = progress, .name = name};
	int error;

	name[0] = '\0';
	if (fd < 0)
		return fd;
	error = agent_request(screen, "screen.send-file", &message_files_receive, &params,
			      &handlers, &sending, &sending.stream);
	if (error) {
		log_error("%s: %s", screen->vm, error_text(error));
		return error;
	}
	watch_signals(screen, &sending);
	agent_wait(screen, &sending.done);
	leave_signals(screen, &sending);
	if (sending.error) {
		progress_end(progress);
		log_error("%s: %s: %s", screen->vm, path,
			  sending.reason ? sending.reason : error_text(sending.error));
	}
	return sending.error;
}

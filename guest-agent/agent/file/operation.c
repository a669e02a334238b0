/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/file/operation.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1000000000LL

static void operation_free(struct operation *operation)
{
	if (operation->kind->release)
		operation->kind->release(operation);
	free(operation->path);
	free(operation);
}

/* The stream is answered or gone, nothing is under way. */
static void finish(struct operation *operation)
{
	if (!operation->kind->cleanup) {
		operation_free(operation);
		return;
	}
	operation->cleaning = true;
	operation->working = true;
	workers_submit(operation->workers, &operation->work);
}

static void on_run(struct work *work)
{
	struct operation *operation = CONTAINER_OF(work, struct operation, work);

	if (operation->cleaning)
		operation->kind->cleanup(operation);
	else
		operation->kind->step(operation);
}

static void on_done(struct work *work)
{
	struct operation *operation = CONTAINER_OF(work, struct operation, work);

	operation->working = false;
	if (operation->cleaning)
		operation_free(operation);
	else if (!operation->stream)
		finish(operation);
	else if (operation->error)
		operation_fail(operation, operation->error);
	else
		operation->kind->stepped(operation);
}

static void let_go(struct operation *operation)
{
	operation->stream = NULL;
	if (!operation->working)
		finish(operation);
	else if (operation->kind->interrupt)
		operation->kind->interrupt(operation);
}

static void on_cancelled(struct stream *stream, void *owner)
{
	stream_fail(stream, ECANCELED, NULL);
	let_go(owner);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	let_go(owner);
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct operation *operation = owner;

	if (channel == 0 && operation->kind->data)
		operation->kind->data(operation, bytes);
	else
		stream_consumed(stream, channel, bytes.length);
}

static void on_end(struct stream *stream, void *owner, unsigned int channel)
{
	struct operation *operation = owner;

	(void)stream;
	if (channel == 0 && operation->kind->end)
		operation->kind->end(operation);
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	struct operation *operation = owner;

	(void)stream;
	(void)bytes;
	if (channel == 1 && operation->kind->credit)
		operation->kind->credit(operation);
}

static const struct stream_handlers stream_handlers = {
	.data = on_data,
	.end = on_end,
	.credit = on_credit,
	.cancelled = on_cancelled,
	.closed = on_closed,
};

void *operation_new(size_t size, const struct operation_kind *kind, struct workers *workers,
		    struct stream *stream, struct slice path)
{
	struct operation *operation;

	if (path.length == 0 || path.bytes[0] != '/') {
		stream_fail(stream, EINVAL, "the path must be absolute");
		return NULL;
	}
	if (workers_busy(workers)) {
		stream_fail(stream, EBUSY, "too many file operations are running or hanging");
		return NULL;
	}
	operation = calloc(1, size);
	if (operation)
		operation->path = strndup((const char *)path.bytes, path.length);
	if (!operation || !operation->path) {
		free(operation);
		stream_fail(stream, ENOMEM, NULL);
		return NULL;
	}
	operation->kind = kind;
	operation->workers = workers;
	operation->stream = stream;
	operation->work.run = on_run;
	operation->work.done = on_done;
	stream_set_handlers(stream, &stream_handlers, operation);
	return operation;
}

void operation_step(struct operation *operation)
{
	operation->working = true;
	workers_submit(operation->workers, &operation->work);
}

void operation_reply(struct operation *operation, const struct message_type *type,
		     const void *message)
{
	uint8_t bytes[MESSAGE_PATH_MAX + 512];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct stream *stream = operation->stream;

	operation->stream = NULL;
	if (type)
		message_encode(type, message, &writer);
	stream_reply(stream, cbor_written(&writer));
	finish(operation);
}

void operation_abandon(struct operation *operation, int error)
{
	char text[MESSAGE_TEXT_MAX];

	snprintf(text, sizeof(text), "cannot %s %.900s: %s", operation->kind->verb, operation->path,
		 error_text(error));
	stream_fail(operation->stream, error, text);
	let_go(operation);
}

void operation_fail(struct operation *operation, int error)
{
	assert(!operation->working);
	operation_abandon(operation, error);
}

void file_stat_fill(struct file_stat *message, const struct stat *st)
{
	message->mode = st->st_mode;
	message->size_bytes = (uint64_t)st->st_size;
	message->mtime_ns = st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec;
	message->uid = st->st_uid;
	message->gid = st->st_gid;
	message->device = st->st_dev;
	message->inode = st->st_ino;
}

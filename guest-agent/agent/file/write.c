/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * file.write: the bytes go to a new file beside the old one, which takes its name at the end.
 *
 * While one block is being written by a step, the next one is received; a block's credit is given
 * back when its step starts, so at most two windows are held in memory.
 */
#include "guest-agent/agent/file/file.h"
#include "guest-agent/agent/file/place.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_MODE 0644

struct block {
	uint8_t *bytes; /* SESSION_WINDOW of them */
	size_t filled;
};

struct writing {
	struct operation operation;
	struct file_write_params want;

	/* The step's while it works. */
	struct place place;
	char temporary[32]; /* name of the new file; empty: there is none */
	int fd;
	struct block outgoing;
	bool last;
	uint64_t written;

	/* The loop's. */
	struct block incoming;
	bool ended;
};

static int write_open(struct writing *writing)
{
	struct place *place = &writing->place;
	struct stat old;
	int error = place_open(writing->operation.path, place);

	if (error)
		return error;
	if (fstatat(place->directory, place->name, &old, AT_SYMLINK_NOFOLLOW) == 0) {
		if (writing->want.exclusive)
			return -EEXIST;
		if (S_ISDIR(old.st_mode))
			return -EISDIR;
		/* To replace a device or a socket by a file is never what was meant. */
		if (!S_ISREG(old.st_mode) && !S_ISLNK(old.st_mode))
			return -ENOTSUP;
		/* A caller who names no mode gets a file like the old one; one who names it
		 * shall not find somebody else the owner. */
		if (!writing->want.set_mode && S_ISREG(old.st_mode)) {
			writing->want.set_mode = true;
			writing->want.mode = old.st_mode & 0777;
			if (!writing->want.set_owner) {
				writing->want.set_owner = true;
				writing->want.uid = old.st_uid;
				writing->want.gid = old.st_gid;
			}
		}
	}
	if (!writing->want.set_mode) {
		writing->want.set_mode = true;
		writing->want.mode = DEFAULT_MODE;
	}
	writing->fd = place_create(place, 0600, writing->temporary);
	if (writing->fd < 0) {
		writing->temporary[0] = '\0';
		return writing->fd;
	}
	return 0;
}

static int write_all(struct writing *writing)
{
	const struct block *block = &writing->outgoing;
	size_t at = 0;

	while (at < block->filled) {
		const ssize_t count = write(writing->fd, block->bytes + at, block->filled - at);

		if (count < 0 && errno != EINTR)
			return -errno;
		if (count > 0)
			at += (size_t)count;
	}
	writing->written += block->filled;
	return 0;
}

static int take_name(struct writing *writing)
{
	const struct place *place = &writing->place;
	int result;

	if (writing->want.exclusive)
		result = renameat2(place->directory, writing->temporary, place->directory,
				   place->name, RENAME_NOREPLACE);
	else
		result = renameat(place->directory, writing->temporary, place->directory,
				  place->name);
	if (result == 0)
		writing->temporary[0] = '\0';
	return result < 0 ? -errno : 0;
}

/* The new name is on disk when its directory is. */
static int sync_directory(const struct writing *writing)
{
	int fd = openat(writing->place.directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0 && errno != EINVAL)
		error = -errno;
	close(fd);
	return error;
}

static int write_finish(struct writing *writing)
{
	int error = place_set_attributes(&writing->place, writing->fd, &writing->want);

	if (!error && writing->want.sync && fsync(writing->fd) < 0)
		error = -errno;
	/* Network file systems tell on close that the disk was full. */
	if (close(writing->fd) < 0 && !error && errno != EINTR)
		error = -errno;
	writing->fd = -EBADF;
	if (!error)
		error = take_name(writing);
	if (!error && writing->want.sync)
		error = sync_directory(writing);
	return error;
}

static void write_step(struct operation *operation)
{
	struct writing *writing = CONTAINER_OF(operation, struct writing, operation);

	if (writing->fd < 0)
		operation->error = write_open(writing);
	if (!operation->error)
		operation->error = write_all(writing);
	if (!operation->error && writing->last)
		operation->error = write_finish(writing);
}

static void next_step(struct writing *writing)
{
	const struct block written = writing->outgoing;

	writing->outgoing = writing->incoming;
	writing->incoming = written;
	writing->incoming.filled = 0;
	writing->last = writing->ended;
	stream_consumed(writing->operation.stream, 0, writing->outgoing.filled);
	operation_step(&writing->operation);
}

static void write_stepped(struct operation *operation)
{
	struct writing *writing = CONTAINER_OF(operation, struct writing, operation);
	const struct file_written result = {.size_bytes = writing->written};

	if (writing->last)
		operation_reply(operation, &message_file_written, &result);
	else if (writing->incoming.filled > 0 || writing->ended)
		next_step(writing);
}

static void write_data(struct operation *operation, struct slice bytes)
{
	struct writing *writing = CONTAINER_OF(operation, struct writing, operation);
	struct block *block = &writing->incoming;

	if (!block->bytes)
		block->bytes = malloc(SESSION_WINDOW);
	if (!block->bytes || bytes.length > SESSION_WINDOW - block->filled) {
		/* The session guards the window; this is against our own mistakes. */
		operation_abandon(operation, block->bytes ? -EPROTO : -ENOMEM);
		return;
	}
	memcpy(block->bytes + block->filled, bytes.bytes, bytes.length);
	block->filled += bytes.length;
	if (!operation->working)
		next_step(writing);
}

static void write_end(struct operation *operation)
{
	struct writing *writing = CONTAINER_OF(operation, struct writing, operation);

	writing->ended = true;
	if (!operation->working)
		next_step(writing);
}

static void write_cleanup(struct operation *operation)
{
	struct writing *writing = CONTAINER_OF(operation, struct writing, operation);

	if (writing->fd >= 0)
		close(writing->fd);
	if (writing->temporary[0])
		unlinkat(writing->place.directory, writing->temporary, 0);
	place_close(&writing->place);
}

static void write_release(struct operation *operation)
{
	struct writing *writing = CONTAINER_OF(operation, struct writing, operation);

	free(writing->incoming.bytes);
	free(writing->outgoing.bytes);
}

static const struct operation_kind write_kind = {
	.verb = "write",
	.step = write_step,
	.stepped = write_stepped,
	.cleanup = write_cleanup,
	.release = write_release,
	.data = write_data,
	.end = write_end,
};

void file_write(void *state, struct stream *stream, struct slice params)
{
	struct file_write_params want;
	struct writing *writing;

	if (file_decode_write(params, &want) < 0) {
		stream_fail(stream, EBADMSG, "file.write: malformed parameters");
		return;
	}
	writing = operation_new(sizeof(*writing), &write_kind, state, stream, want.path);
	if (!writing)
		return;
	writing->want = want;
	writing->fd = -EBADF;
	writing->place = PLACE_NONE;
	/* The first step finds at once what would make the rest vain. */
	operation_step(&writing->operation);
}

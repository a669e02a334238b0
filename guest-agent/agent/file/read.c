/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * file.read: a step reads a block, the loop sends it as credit comes, and so on to the end.
 *
 * Pipes and devices may keep a reader waiting for ever, and whoever may create files in the guest
 * may put a pipe where the host reads: those are opened without blocking and waited for together
 * with an eventfd that ends the wait when the request goes.
 */
#include "guest-agent/agent/file/file.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BLOCK_BYTES SESSION_WINDOW
/* What is sent at once is copied from cache to cache on its way out: a whole block would not be. */
#define SEND_BYTES (64UL * 1024)

struct reading {
	struct operation operation;
	int fd;
	int interrupt; /* eventfd */
	struct stat st;
	off_t offset;
	uint64_t left;
	uint8_t *block;
	size_t filled, sent;
};

static bool may_wait(const struct reading *reading)
{
	return !S_ISREG(reading->st.st_mode) && !S_ISBLK(reading->st.st_mode);
}

static int read_open(struct reading *reading)
{
	reading->fd = open(reading->operation.path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (reading->fd < 0 || fstat(reading->fd, &reading->st) < 0)
		return -errno;
	if (S_ISDIR(reading->st.st_mode))
		return -EISDIR;
	if (reading->offset > 0 && lseek(reading->fd, reading->offset, SEEK_SET) < 0)
		return -errno;
	if (S_ISREG(reading->st.st_mode))
		posix_fadvise(reading->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

/* 0 when there is something to read; -ECANCELED. */
static int wait_readable(const struct reading *reading)
{
	struct pollfd fds[] = {{.fd = reading->fd, .events = POLLIN},
			       {.fd = reading->interrupt, .events = POLLIN}};

	while (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return fds[1].revents ? -ECANCELED : 0;
}

static int read_block(struct reading *reading)
{
	ssize_t count = -1;

	reading->sent = 0;
	reading->filled = 0;
	while (count < 0) {
		int error = may_wait(reading) ? wait_readable(reading) : 0;

		if (error)
			return error;
		count = read(reading->fd, reading->block, MIN(reading->left, BLOCK_BYTES));
		/* EAGAIN: somebody else was faster. */
		if (count < 0 && errno != EINTR && !(errno == EAGAIN && may_wait(reading)))
			return -errno;
	}
	reading->filled = (size_t)count;
	if (count == 0)
		reading->left = 0;
	return 0;
}

static void read_step(struct operation *operation)
{
	struct reading *reading = CONTAINER_OF(operation, struct reading, operation);

	if (reading->fd < 0)
		operation->error = read_open(reading);
	if (!operation->error && reading->left > 0)
		operation->error = read_block(reading);
	if (!operation->error && reading->left == 0 && fstat(reading->fd, &reading->st) < 0)
		operation->error = -errno;
}

static void send_block(struct reading *reading)
{
	struct operation *operation = &reading->operation;

	while (reading->sent < reading->filled) {
		const ssize_t taken =
			stream_send(operation->stream, 1, reading->block + reading->sent,
				    MIN(reading->filled - reading->sent, SEND_BYTES));

		if (taken < 0) {
			operation_fail(operation, (int)taken);
			return;
		}
		if (taken == 0)
			return; /* read_credit() goes on */
		reading->sent += (size_t)taken;
	}
	reading->left -= MIN(reading->left, (uint64_t)reading->filled);
	operation_step(operation);
}

static void read_stepped(struct operation *operation)
{
	struct reading *reading = CONTAINER_OF(operation, struct reading, operation);
	struct file_stat result = {0};

	if (reading->left > 0) {
		send_block(reading);
		return;
	}
	file_stat_fill(&result, &reading->st);
	operation_reply(operation, &message_file_stat, &result);
}

static void read_credit(struct operation *operation)
{
	struct reading *reading = CONTAINER_OF(operation, struct reading, operation);

	if (!operation->working)
		send_block(reading);
}

static void read_interrupt(struct operation *operation)
{
	struct reading *reading = CONTAINER_OF(operation, struct reading, operation);

	eventfd_write(reading->interrupt, 1);
}

static void read_cleanup(struct operation *operation)
{
	struct reading *reading = CONTAINER_OF(operation, struct reading, operation);

	if (reading->fd >= 0)
		close(reading->fd);
}

static void read_release(struct operation *operation)
{
	struct reading *reading = CONTAINER_OF(operation, struct reading, operation);

	if (reading->interrupt >= 0)
		close(reading->interrupt);
	free(reading->block);
}

static const struct operation_kind read_kind = {
	.verb = "read",
	.step = read_step,
	.stepped = read_stepped,
	.interrupt = read_interrupt,
	.cleanup = read_cleanup,
	.release = read_release,
	.credit = read_credit,
};

void file_read(void *state, struct stream *stream, struct slice params)
{
	struct file_read_params want;
	struct reading *reading;

	if (message_decode(&message_file_read_params, params, &want) < 0) {
		stream_fail(stream, EBADMSG, "file.read: malformed parameters");
		return;
	}
	if (want.offset > INT64_MAX) {
		stream_fail(stream, EINVAL, "file.read: the offset is too large");
		return;
	}
	reading = operation_new(sizeof(*reading), &read_kind, state, stream, want.path);
	if (!reading)
		return;
	reading->fd = -EBADF;
	reading->offset = (off_t)want.offset;
	reading->left = want.length_bytes ? want.length_bytes : UINT64_MAX;
	reading->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	reading->block = malloc(BLOCK_BYTES);
	if (reading->interrupt < 0 || !reading->block) {
		operation_fail(&reading->operation, reading->block ? -EMFILE : -ENOMEM);
		return;
	}
	operation_step(&reading->operation);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wayland_pipe: bytes from and to programs, over the pipes that Wayland gives them
 */
#include "guest-agent/session/clipboard/wayland_internal.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_BYTES (64U << 10)
#define WRITES	   64	 /* at once */
#define TIMEOUT_MS 10000 /* without a byte taken */

/* --- From programs -------------------------------------------------------------------------- */

struct pipe_reads {
	struct pipe_reads **list;
	struct pipe_reads *next;
	struct clipboard_read *read;
	int fd;
	uv_poll_t poll;
	bool polling; /* the handle is there */
};

static void on_read_released(uv_handle_t *poll)
{
	free(poll->data);
}

static void read_free(struct pipe_reads *reads)
{
	struct pipe_reads **place = reads->list;

	while (*place != reads)
		place = &(*place)->next;
	*place = reads->next;
	if (reads->polling)
		uv_poll_stop(&reads->poll);
	close(reads->fd);
	if (reads->polling)
		uv_close((uv_handle_t *)&reads->poll, on_read_released);
	else
		free(reads);
}

static void end(struct pipe_reads *reads, int error)
{
	struct clipboard_read *read = reads->read;

	read_free(reads);
	read_end(read, error);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct pipe_reads *reads = poll->data;
	uint8_t bytes[READ_BYTES];
	ssize_t length;

	(void)events;
	if (!read_wants_more(reads->read)) {
		uv_poll_stop(poll);
		return;
	}
	length = status < 0 ? status : read(reads->fd, bytes, sizeof(bytes));
	if (length > 0) {
		if (read_data(reads->read, bytes, (size_t)length) < 0)
			read_free(reads);
	} else if (length == 0 || status < 0 || (errno != EAGAIN && errno != EINTR)) {
		end(reads, status < 0 ? status : length == 0 ? 0 : -errno);
	}
}

void pipe_read_begin(struct pipe_reads **list, uv_loop_t *loop, struct clipboard_read *read, int fd)
{
	struct pipe_reads *reads = calloc(1, sizeof(*reads));
	int error;

	if (!reads) {
		close(fd);
		read_end(read, -ENOMEM);
		return;
	}
	*reads = (struct pipe_reads){.list = list, .next = *list, .read = read, .fd = fd};
	*list = reads;
	error = uv_poll_init(loop, &reads->poll, fd);
	if (error) {
		end(reads, error);
		return;
	}
	reads->polling = true;
	reads->poll.data = reads;
	uv_poll_start(&reads->poll, UV_READABLE | UV_DISCONNECT, on_readable);
}

static struct pipe_reads *find(struct pipe_reads *list, const struct clipboard_read *read)
{
	while (list && list->read != read)
		list = list->next;
	return list;
}

void pipe_read_more(struct pipe_reads *list, const struct clipboard_read *read)
{
	struct pipe_reads *reads = find(list, read);

	if (reads)
		uv_poll_start(&reads->poll, UV_READABLE | UV_DISCONNECT, on_readable);
}

void pipe_read_cancel(struct pipe_reads **list, const struct clipboard_read *read)
{
	struct pipe_reads *reads = find(*list, read);

	if (reads)
		read_free(reads);
}

void pipe_read_drop_all(struct pipe_reads **list)
{
	while (*list)
		read_free(*list);
}

/* --- To programs ---------------------------------------------------------------------------- */

struct pipe_writes {
	struct pipe_writes **list;
	struct pipe_writes *next;
	struct clipboard_paste *paste; /* until the bytes are here */
	int fd;
	uint8_t *bytes;
	size_t length, sent;
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_poll_t poll;
	bool polling; /* the handle is there */
	unsigned int closing;
};

static void on_write_released(uv_handle_t *handle)
{
	struct pipe_writes *writes = handle->data;

	if (--writes->closing == 0)
		free(writes);
}

static void write_free(struct pipe_writes *writes)
{
	struct pipe_writes **place = writes->list;

	while (*place != writes)
		place = &(*place)->next;
	*place = writes->next;
	if (writes->paste)
		clipboard_paste_cancel(writes->paste);
	if (writes->polling)
		uv_poll_stop(&writes->poll);
	close(writes->fd);
	free(writes->bytes);
	writes->closing = writes->polling ? 2 : 1;
	uv_close((uv_handle_t *)&writes->timer, on_write_released);
	if (writes->polling)
		uv_close((uv_handle_t *)&writes->poll, on_write_released);
}

static void on_late(uv_timer_t *timer)
{
	write_free(timer->data);
}

static void write_more(struct pipe_writes *writes);

static void on_writable(uv_poll_t *poll, int status, int events)
{
	(void)events;
	if (status < 0)
		write_free(poll->data);
	else
		write_more(poll->data);
}

/* A program may also give a file, which takes all at once. */
static void write_more(struct pipe_writes *writes)
{
	ssize_t taken = 0;

	while (writes->sent < writes->length && taken >= 0) {
		taken = write(writes->fd, writes->bytes + writes->sent,
			      writes->length - writes->sent);
		if (taken > 0)
			writes->sent += (size_t)taken;
		else if (taken < 0 && errno == EINTR)
			taken = 0;
	}
	if (writes->sent == writes->length || errno != EAGAIN) {
		write_free(writes);
		return;
	}
	uv_timer_start(&writes->timer, on_late, TIMEOUT_MS, 0);
	if (writes->polling)
		return;
	if (uv_poll_init(writes->loop, &writes->poll, writes->fd) < 0) {
		write_free(writes);
		return;
	}
	writes->polling = true;
	writes->poll.data = writes;
	uv_poll_start(&writes->poll, UV_WRITABLE, on_writable);
}

static void begin(struct pipe_writes *writes, struct slice bytes)
{
	writes->bytes = malloc(bytes.length + 1);
	if (!writes->bytes) {
		write_free(writes);
		return;
	}
	if (bytes.length)
		memcpy(writes->bytes, bytes.bytes, bytes.length);
	writes->length = bytes.length;
	write_more(writes);
}

static void on_pasted(void *owner, int error, struct slice bytes)
{
	struct pipe_writes *writes = owner;

	writes->paste = NULL;
	if (error)
		write_free(writes);
	else
		begin(writes, bytes);
}

void pipe_write_begin(struct pipe_writes **list, uv_loop_t *loop, struct clipboard *clipboard,
		      enum clipboard_selection selection, const char *type, int fd)
{
	struct pipe_writes *writes;
	unsigned int count = 0;
	const int flags = fcntl(fd, F_GETFL);

	for (writes = *list; writes; writes = writes->next)
		count++;
	writes = count < WRITES && flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0
			 ? calloc(1, sizeof(*writes))
			 : NULL;
	if (!writes) {
		close(fd);
		return;
	}
	*writes = (struct pipe_writes){.list = list, .next = *list, .fd = fd, .loop = loop};
	*list = writes;
	uv_timer_init(loop, &writes->timer);
	writes->timer.data = writes;
	if (strcmp(type, CLIPBOARD_SECRET) == 0)
		begin(writes, SLICE_LITERAL(CLIPBOARD_SECRET_VALUE));
	else if (clipboard_paste(clipboard, selection, type, on_pasted, writes, &writes->paste) < 0)
		write_free(writes);
}

void pipe_write_drop_all(struct pipe_writes **list)
{
	while (*list)
		write_free(*list);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/console.h"

#include "host/daemon/lodged.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define RETRY_FIRST_MS 20
#define RETRY_LAST_MS  1000
/* What people typed and the guest has not read; beyond that they wait. */
#define INPUT_QUEUE (16 * 1024)

struct console_client {
	uv_pipe_t pipe;
	struct console *console;
	struct console_client *next;
};

struct console {
	uv_loop_t *loop;
	char path[PATH_MAX];
	uv_timer_t retry;
	uint64_t retry_ms;
	uv_pipe_t *serial; /* NULL while not connected */
	struct console_client *clients;
	uint8_t history[CONSOLE_HISTORY]; /* a ring */
	size_t history_at, history_length;
};

/* A write and its bytes. */
struct console_write {
	uv_write_t request;
	struct console *console;
	uint8_t bytes[];
};

static void try_connect(uv_timer_t *timer);

static void on_written(uv_write_t *request, int status)
{
	(void)status; /* the reader's side tells when the pipe is broken */
	free(request);
}

static int write_copy(struct console *console, uv_pipe_t *pipe, const void *bytes, size_t length,
		      uv_write_cb done)
{
	struct console_write *write = malloc(sizeof(*write) + length);
	uv_buf_t buffer;
	int r;

	if (!write)
		return -ENOMEM;
	memcpy(write->bytes, bytes, length);
	write->console = console;
	buffer = uv_buf_init((char *)write->bytes, (unsigned int)length);
	r = uv_write(&write->request, (uv_stream_t *)pipe, &buffer, 1, done);
	if (r < 0)
		free(write);
	return r;
}

/* --- Clients -------------------------------------------------------------------------------- */

static void free_client(uv_handle_t *pipe)
{
	free(pipe->data);
}

static void drop_client(struct console_client *client)
{
	for (struct console_client **at = &client->console->clients; *at; at = &(*at)->next) {
		if (*at == client) {
			*at = client->next;
			uv_close((uv_handle_t *)&client->pipe, free_client);
			return;
		}
	}
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	static char scratch[16 * 1024]; /* one read at a time on the one loop */

	(void)handle;
	(void)suggested;
	*buffer = uv_buf_init(scratch, sizeof(scratch));
}

static void client_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer);

static void set_reading(struct console *console, bool reading)
{
	for (struct console_client *client = console->clients; client; client = client->next) {
		if (reading)
			uv_read_start((uv_stream_t *)&client->pipe, allocate, client_read);
		else
			uv_read_stop((uv_stream_t *)&client->pipe);
	}
}

static void serial_written(uv_write_t *request, int status)
{
	struct console *console = CONTAINER_OF(request, struct console_write, request)->console;

	if (status != UV_ECANCELED && console->serial &&
	    uv_stream_get_write_queue_size((uv_stream_t *)console->serial) < INPUT_QUEUE)
		set_reading(console, true);
	free(request);
}

static void client_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
	struct console_client *client = stream->data;
	struct console *console = client->console;

	if (length < 0) {
		drop_client(client);
		return;
	}
	if (length == 0 || !console->serial)
		return;
	write_copy(console, console->serial, buffer->base, (size_t)length, serial_written);
	if (uv_stream_get_write_queue_size((uv_stream_t *)console->serial) >= INPUT_QUEUE)
		set_reading(console, false);
}

static void send_to_client(struct console_client *client, const void *bytes, size_t length)
{
	uv_stream_t *stream = (uv_stream_t *)&client->pipe;

	if (uv_stream_get_write_queue_size(stream) + length > CONSOLE_CLIENT_QUEUE ||
	    write_copy(client->console, &client->pipe, bytes, length, on_written) < 0)
		drop_client(client);
}

int console_open(struct console *console, bool replay, int *fd)
{
	_cleanup_close_ int near = -EBADF;
	struct console_client *client;
	size_t start, first;
	int pair[2];

	first = 0;
	for (client = console->clients; client; client = client->next)
		first++;
	if (first >= CONSOLE_MAX_CLIENTS)
		return -EMFILE;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	near = pair[1];
	client = calloc(1, sizeof(*client));
	if (!client) {
		close(pair[0]);
		return -ENOMEM;
	}
	client->console = console;
	client->next = console->clients;
	console->clients = client;
	uv_pipe_init(console->loop, &client->pipe, 0);
	client->pipe.data = client;
	uv_pipe_open(&client->pipe, pair[0]);
	uv_read_start((uv_stream_t *)&client->pipe, allocate, client_read);
	*fd = take_fd(&near);
	if (!replay || console->history_length == 0)
		return 0;
	start = (console->history_at + CONSOLE_HISTORY - console->history_length) % CONSOLE_HISTORY;
	first = MIN(console->history_length, CONSOLE_HISTORY - start);
	send_to_client(client, console->history + start, first);
	if (console->clients == client && first < console->history_length)
		send_to_client(client, console->history, console->history_length - first);
	return 0;
}

/* --- The guest's side ----------------------------------------------------------------------- */

static void remember(struct console *console, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		console->history[console->history_at] = bytes[i];
		console->history_at = (console->history_at + 1) % CONSOLE_HISTORY;
	}
	console->history_length = MIN(console->history_length + length, CONSOLE_HISTORY);
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void serial_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
	struct console *console = stream->data;

	if (length < 0) {
		uv_close((uv_handle_t *)console->serial, free_handle);
		console->serial = NULL;
		console->retry_ms = RETRY_FIRST_MS;
		uv_timer_start(&console->retry, try_connect, console->retry_ms, 0);
		return;
	}
	remember(console, (const uint8_t *)buffer->base, (size_t)length);
	for (struct console_client *client = console->clients, *next; client; client = next) {
		next = client->next;
		if (length > 0)
			send_to_client(client, buffer->base, (size_t)length);
	}
}

static void try_connect(uv_timer_t *timer)
{
	struct console *console = timer->data;
	uv_pipe_t *serial = NULL;
	int fd = connect_unix(console->path);

	if (fd >= 0)
		serial = calloc(1, sizeof(*serial));
	if (!serial) {
		if (fd >= 0)
			close(fd);
		uv_timer_start(&console->retry, try_connect, console->retry_ms, 0);
		console->retry_ms = MIN(console->retry_ms * 2, (uint64_t)RETRY_LAST_MS);
		return;
	}
	uv_pipe_init(console->loop, serial, 0);
	uv_pipe_open(serial, fd);
	serial->data = console;
	console->serial = serial;
	set_reading(console, true);
	uv_read_start((uv_stream_t *)serial, allocate, serial_read);
}

int console_new(uv_loop_t *loop, const char *path, struct console **result)
{
	struct console *console = calloc(1, sizeof(*console));

	if (!console || strlen(path) >= sizeof(console->path)) {
		free(console);
		return -ENOMEM;
	}
	strcpy(console->path, path);
	console->loop = loop;
	console->retry_ms = RETRY_FIRST_MS;
	uv_timer_init(loop, &console->retry);
	console->retry.data = console;
	uv_timer_start(&console->retry, try_connect, 0, 0);
	*result = console;
	return 0;
}

static void free_console(uv_handle_t *timer)
{
	free(timer->data);
}

void console_free(struct console *console)
{
	if (!console)
		return;
	while (console->clients)
		drop_client(console->clients);
	if (console->serial)
		uv_close((uv_handle_t *)console->serial, free_handle);
	console->serial = NULL;
	/* Writes under way are called back before the timer's close is. */
	uv_close((uv_handle_t *)&console->retry, free_console);
}

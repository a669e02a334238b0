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
/* Last words of a VM that are waited for. */
#define LAST_WORDS_MAX (1024 * 1024)
#define READ_SIZE      (16 * 1024)

struct console_client {
	uv_pipe_t pipe;
	uv_shutdown_t shutdown;
	struct console *console;
	struct console_client *next;
};

struct console {
	uv_loop_t *loop;
	char path[PATH_MAX];
	uv_timer_t retry;
	uint64_t retry_ms;
	uv_pipe_t *serial; /* NULL while not connected */
	bool ended;	   /* the VM is gone */
	struct console_client *clients;
	char scratch[READ_SIZE];	  /* one read at a time on the one loop */
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

static void take_off_list(struct console_client *client)
{
	for (struct console_client **at = &client->console->clients; *at; at = &(*at)->next) {
		if (*at == client) {
			*at = client->next;
			break;
		}
	}
	client->console = NULL;
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void disconnect(struct console *console)
{
	if (console->serial)
		uv_close((uv_handle_t *)console->serial, free_handle);
	console->serial = NULL;
}

/* It went, or does not read. */
static void drop_client(struct console_client *client)
{
	struct console *console = client->console;

	take_off_list(client);
	uv_close((uv_handle_t *)&client->pipe, free_client);
	if (!console->path[0] && !console->clients)
		disconnect(console);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
	struct console_client *client = CONTAINER_OF(request, struct console_client, shutdown);

	(void)status;
	uv_close((uv_handle_t *)&client->pipe, free_client);
}

/* Its end of file stands behind what it was sent. From here on it is on its own. */
static void end_client(struct console_client *client)
{
	take_off_list(client);
	uv_read_stop((uv_stream_t *)&client->pipe);
	if (uv_shutdown(&client->shutdown, (uv_stream_t *)&client->pipe, on_shutdown) < 0)
		uv_close((uv_handle_t *)&client->pipe, free_client);
}

static void allocate_for_client(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct console_client *client = handle->data;

	(void)suggested;
	*buffer = uv_buf_init(client->console->scratch, READ_SIZE);
}

static void client_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer);

static void set_reading(struct console *console, bool reading)
{
	for (struct console_client *client = console->clients; client; client = client->next) {
		if (reading)
			uv_read_start((uv_stream_t *)&client->pipe, allocate_for_client,
				      client_read);
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

static void send_history(struct console *console, struct console_client *client)
{
	size_t length = console->history_length;
	size_t start = (console->history_at + CONSOLE_HISTORY - length) % CONSOLE_HISTORY;
	size_t first = MIN(length, CONSOLE_HISTORY - start);

	if (length > 0)
		send_to_client(client, console->history + start, first);
	if (client->console && first < length)
		send_to_client(client, console->history, length - first);
}

int console_open(struct console *console, bool replay, int *fd)
{
	_cleanup_close_ int near = -EBADF;
	struct console_client *client;
	unsigned int count = 0;
	int pair[2];

	for (client = console->clients; client; client = client->next)
		count++;
	if (count >= CONSOLE_MAX_CLIENTS)
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
	uv_read_start((uv_stream_t *)&client->pipe, allocate_for_client, client_read);
	*fd = take_fd(&near);
	if (replay)
		send_history(console, client);
	if (console->ended && client->console)
		end_client(client);
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

static void allocate_for_serial(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct console *console = handle->data;

	(void)suggested;
	*buffer = uv_buf_init(console->scratch, READ_SIZE);
}

static void pass_on(struct console *console, const char *bytes, size_t length)
{
	remember(console, (const uint8_t *)bytes, length);
	for (struct console_client *client = console->clients, *next; client; client = next) {
		next = client->next;
		send_to_client(client, bytes, length);
	}
}

static void serial_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
	struct console *console = stream->data;

	if (length > 0) {
		pass_on(console, buffer->base, (size_t)length);
	} else if (length < 0) {
		disconnect(console);
		if (!console->path[0]) {
			while (console->clients)
				end_client(console->clients);
			return;
		}
		console->retry_ms = RETRY_FIRST_MS;
		uv_timer_start(&console->retry, try_connect, console->retry_ms, 0);
	}
}

/* What the VM wrote before it ended lies in the socket still. */
static void read_last_words(struct console *console)
{
	size_t total = 0;
	ssize_t length;
	int fd;

	if (!console->serial || uv_fileno((uv_handle_t *)console->serial, &fd) < 0)
		return;
	while (total < LAST_WORDS_MAX) {
		length = read(fd, console->scratch, READ_SIZE);
		if (length <= 0)
			return;
		pass_on(console, console->scratch, (size_t)length);
		total += (size_t)length;
	}
}

void console_end(struct console *console)
{
	if (!console || console->ended)
		return;
	console->ended = true;
	uv_timer_stop(&console->retry);
	read_last_words(console);
	disconnect(console);
	while (console->clients)
		end_client(console->clients);
}

int console_give(struct console *console, int fd)
{
	uv_pipe_t *serial = calloc(1, sizeof(*serial));

	if (!serial) {
		close(fd);
		return -ENOMEM;
	}
	disconnect(console);
	uv_pipe_init(console->loop, serial, 0);
	uv_pipe_open(serial, fd);
	serial->data = console;
	console->serial = serial;
	set_reading(console, true);
	uv_read_start((uv_stream_t *)serial, allocate_for_serial, serial_read);
	return 0;
}

bool console_is_connected(const struct console *console)
{
	return console->serial;
}

static void try_connect(uv_timer_t *timer)
{
	struct console *console = timer->data;
	int fd = connect_unix(console->path);

	if (fd >= 0 && console_give(console, fd) == 0)
		return;
	uv_timer_start(&console->retry, try_connect, console->retry_ms, 0);
	console->retry_ms = MIN(console->retry_ms * 2, (uint64_t)RETRY_LAST_MS);
}

int console_new(uv_loop_t *loop, const char *path, struct console **result)
{
	struct console *console = calloc(1, sizeof(*console));

	if (!console || (path && strlen(path) >= sizeof(console->path))) {
		free(console);
		return -ENOMEM;
	}
	if (path)
		strcpy(console->path, path);
	console->loop = loop;
	console->retry_ms = RETRY_FIRST_MS;
	uv_timer_init(loop, &console->retry);
	console->retry.data = console;
	if (path)
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
		end_client(console->clients);
	disconnect(console);
	/* Writes under way to the serial end as cancelled, and then nothing touches the console. */
	uv_close((uv_handle_t *)&console->retry, free_console);
}

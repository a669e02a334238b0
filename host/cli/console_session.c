/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/console_session.h"
#include "host/cli/fd_sink.h"
#include "host/cli/fd_source.h"
#include "host/cli/terminal.h"
#include "protocol/base/cleanup.h"

#include <fcntl.h>
#include <string.h>

/* So much may wait in either direction. */
#define WINDOW_BYTES 65536

struct console_session {
	const struct console_session_handlers *handlers;
	void *owner;
	int fd, write_fd; /* the console twice: a loop watches a descriptor for one thing */
	struct fd_source *keyboard, *guest;
	struct fd_sink *screen, *line;
	size_t to_screen, to_line; /* bytes waiting */
	bool has_escape;
	bool ending, by_user, ended;
};

/* Over once everything that the guest said is on the screen. */
static void end_if_shown(struct console_session *session)
{
	if (!session->ending || session->ended || session->to_screen > 0)
		return;
	session->ended = true;
	session->handlers->ended(session->owner, session->by_user);
}

static size_t keyboard_room(void *owner)
{
	struct console_session *session = owner;

	return WINDOW_BYTES - session->to_line;
}

static void keyboard_data(void *owner, const uint8_t *bytes, size_t length)
{
	struct console_session *session = owner;
	const uint8_t *escape = session->has_escape ? memchr(bytes, CONSOLE_ESCAPE, length) : NULL;

	if (escape)
		length = (size_t)(escape - bytes);
	session->to_line += length;
	if (length > 0)
		fd_sink_write(session->line, bytes, length);
	if (escape && !session->ending) {
		session->ending = session->by_user = true;
		session->to_screen = 0;
		end_if_shown(session);
	}
}

static void keyboard_end(void *owner, int error)
{
	(void)owner;
	(void)error;
}

static const struct fd_source_handlers keyboard_handlers = {
	.room = keyboard_room,
	.data = keyboard_data,
	.end = keyboard_end,
};

static size_t guest_room(void *owner)
{
	struct console_session *session = owner;

	return WINDOW_BYTES - session->to_screen;
}

static void guest_data(void *owner, const uint8_t *bytes, size_t length)
{
	struct console_session *session = owner;

	session->to_screen += length;
	fd_sink_write(session->screen, bytes, length);
}

static void guest_end(void *owner, int error)
{
	struct console_session *session = owner;

	(void)error;
	session->ending = true;
	end_if_shown(session);
}

static const struct fd_source_handlers guest_handlers = {
	.room = guest_room,
	.data = guest_data,
	.end = guest_end,
};

static void screen_written(void *owner, size_t bytes)
{
	struct console_session *session = owner;

	session->to_screen -= bytes < session->to_screen ? bytes : session->to_screen;
	fd_source_wake(session->guest);
	end_if_shown(session);
}

static void screen_failed(void *owner, int error)
{
	struct console_session *session = owner;

	(void)error;
	if (session->ending)
		return;
	session->ending = session->by_user = true;
	session->to_screen = 0;
	end_if_shown(session);
}

static const struct fd_sink_handlers screen_handlers = {
	.written = screen_written,
	.failed = screen_failed,
};

static void line_written(void *owner, size_t bytes)
{
	struct console_session *session = owner;

	session->to_line -= bytes;
	fd_source_wake(session->keyboard);
}

static void line_failed(void *owner, int error)
{
	(void)owner; /* its end is seen where it is read */
	(void)error;
}

static const struct fd_sink_handlers line_handlers = {
	.written = line_written,
	.failed = line_failed,
};

int console_session_new(uv_loop_t *loop, int fd, const struct console_session_handlers *handlers,
			void *owner, struct console_session **result)
{
	struct console_session *session = calloc(1, sizeof(*session));
	int error;

	if (!session) {
		close(fd);
		return -ENOMEM;
	}
	session->handlers = handlers;
	session->owner = owner;
	session->fd = fd;
	session->write_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	error = session->write_fd < 0 ? -errno : 0;
	if (!error)
		error = fd_sink_new(loop, STDOUT_FILENO, &screen_handlers, session,
				    &session->screen);
	if (!error)
		error = fd_sink_new(loop, session->write_fd, &line_handlers, session,
				    &session->line);
	if (!error)
		error = fd_source_new(loop, fd, &guest_handlers, session, &session->guest);
	if (!error)
		error = fd_source_new(loop, STDIN_FILENO, &keyboard_handlers, session,
				      &session->keyboard);
	if (!error && isatty(STDIN_FILENO)) {
		session->has_escape = true;
		error = terminal_raw(STDIN_FILENO);
	}
	if (error) {
		console_session_free(session);
		return error;
	}
	*result = session;
	return 0;
}

void console_session_free(struct console_session *session)
{
	if (!session)
		return;
	if (session->has_escape)
		terminal_restore();
	fd_source_free(session->keyboard);
	fd_source_free(session->guest);
	fd_sink_free(session->screen);
	fd_sink_free(session->line);
	close(session->fd);
	if (session->write_fd >= 0)
		close(session->write_fd);
	free(session);
}

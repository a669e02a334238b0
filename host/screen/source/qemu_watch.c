/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QEMU tells a listener of another surface only when all of it is drawn anew, which some devices
 * never do. So when a console's size is said to be another and no such picture comes, we listen
 * anew, and are sent one.
 *
 * The first picture may be an old one: a device that nobody listened to has not drawn for a while.
 * What it has to add comes within one of QEMU's refreshes.
 */
#include "host/screen/source/qemu_internal.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <sys/socket.h>

#define RELISTEN_MS 40
#define RETRY_MS    1000 /* after QEMU hung up on a listener */
#define SETTLE_MS   60
#define LINGER_MS   3000 /* to listen on when nobody watches: somebody may come back */

/* --- What a listener is told ------------------------------------------------------------------ */

static void on_relisten(uv_timer_t *timer);

/* Whoever waits for the picture looks when something changes. */
static void on_settled(uv_timer_t *timer)
{
	const struct rectangle some = {.width = 1, .height = 1};
	struct qemu *qemu = timer->data;

	for (unsigned int i = 0; i < qemu->heads; i++) {
		struct qemu_console *console = &qemu->console[i];

		if (!console->listener || !qemu_listener_has_picture(console->listener) ||
		    console->settled)
			continue;
		console->settled = true;
		screen_damaged(qemu->source.screen, i, &some);
	}
}

/* QEMU's word of its size comes by another connection, and may have overtaken a picture from
 * before, after which nothing more would come. Or the picture overtook the word: the timer looks
 * again. */
static void doubt(struct qemu_console *console)
{
	if (console->doubted || (console->drawn_width == console->told_width &&
				 console->drawn_height == console->told_height))
		return;
	console->doubted = true;
	qemu_size_differs(console->qemu);
}

static bool on_shows(void *owner, uint32_t width, uint32_t height)
{
	struct qemu_console *console = owner;

	if (!console->settled)
		uv_timer_start(console->qemu->settle, on_settled, SETTLE_MS, 0);
	console->width = console->drawn_width = width;
	console->height = console->drawn_height = height;
	qemu_tell_size(console);
	if (width > 0)
		doubt(console);
	return console->is_on && width > 0;
}

static void on_listener_closed(void *owner, int error)
{
	struct qemu_console *console = owner;

	if (error < 0)
		log_warning("QEMU's console %u: %s", console->head, error_text(error));
	qemu_listener_free(take_ptr(console->listener));
	if (console->qemu->watching)
		uv_timer_start(console->qemu->relisten, on_relisten, RETRY_MS, 0);
}

static const struct qemu_listener_handlers listener_handlers = {.shows = on_shows,
								.closed = on_listener_closed};

/* --- Listening -------------------------------------------------------------------------------- */

static void on_registered(void *owner, DBusMessage *reply)
{
	struct qemu_console *console = owner;

	console->registering--;
	/* Of one that was given up meanwhile, perhaps: only the last counts. */
	if (qemu_refused(reply, "to be listened to") && console->registering == 0)
		qemu_listener_free(take_ptr(console->listener));
}

static int register_listener(struct qemu_console *console, int fd)
{
	DBusMessage *message =
		dbus_message_new_method_call(NULL, console->path, QEMU_CONSOLE, "RegisterListener");
	int result = -ENOMEM;

	if (message && dbus_message_append_args(message, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID))
		result = bus_peer_call(console->qemu->peer, message, dup(fd), on_registered,
				       console);
	if (message)
		dbus_message_unref(message);
	if (result == 0)
		console->registering++;
	return result;
}

static void listen_to(struct qemu_console *console)
{
	_cleanup_close_ int theirs = -EBADF;
	int pair[2], result;

	if (console->listener)
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		log_error("cannot listen to QEMU: %s", error_text(errno));
		return;
	}
	theirs = pair[1];
	console->settled = false;
	result = qemu_listener_new(console->qemu->source.screen, console->head, pair[0],
				   &listener_handlers, console, &console->listener);
	if (result == 0)
		result = register_listener(console, theirs);
	if (result < 0) {
		log_error("cannot listen to QEMU: %s", error_text(result));
		qemu_listener_free(take_ptr(console->listener));
	}
}

void qemu_listen(struct qemu *qemu)
{
	if (!qemu->watching)
		return;
	for (unsigned int i = 0; i < qemu->heads; i++) {
		if (qemu->console[i].is_on)
			listen_to(&qemu->console[i]);
	}
}

static void on_lingered(uv_timer_t *timer)
{
	struct qemu *qemu = timer->data;

	for (unsigned int i = 0; i < qemu->heads; i++)
		qemu_listener_free(take_ptr(qemu->console[i].listener));
}

static void on_relisten(uv_timer_t *timer)
{
	struct qemu *qemu = timer->data;

	for (unsigned int i = 0; i < qemu->heads; i++) {
		struct qemu_console *console = &qemu->console[i];

		if (!console->listener || !qemu_listener_has_picture(console->listener) ||
		    (console->told_width == console->drawn_width &&
		     console->told_height == console->drawn_height))
			continue;
		qemu_listener_free(take_ptr(console->listener));
		if (!qemu->watching)
			qemu_tell_size(console);
	}
	qemu_listen(qemu);
}

void qemu_size_differs(struct qemu *qemu)
{
	uv_timer_start(qemu->relisten, on_relisten, RELISTEN_MS, 0);
}

void qemu_watch(struct source *source, bool watching)
{
	struct qemu *qemu = qemu_of(source);

	qemu->watching = watching;
	if (!watching) {
		uv_timer_start(qemu->linger, on_lingered, LINGER_MS, 0);
		return;
	}
	uv_timer_stop(qemu->linger);
	qemu_listen(qemu);
}

bool qemu_is_current(const struct source *source)
{
	const struct qemu *qemu = qemu_of(source);

	for (unsigned int i = 0; i < qemu->heads; i++) {
		const struct qemu_console *console = &qemu->console[i];

		if (console->is_on && !(console->listener && console->settled))
			return false;
	}
	return qemu->heads > 0;
}

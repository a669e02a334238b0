/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libdbus keeps two watches on one descriptor, one to read and one to write, and libuv wants one
 * poll handle a descriptor; so each watch polls a duplicate of its own.
 */
#include "protocol/bus/bus_loop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* --- Watches -------------------------------------------------------------------------------- */

struct watch {
	uv_poll_t poll;
	DBusWatch *watch; /* NULL once libdbus has removed it */
	int fd;
};

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch *entry = poll->data;
	unsigned int flags = 0;

	if (status < 0)
		flags |= DBUS_WATCH_ERROR | DBUS_WATCH_HANGUP;
	if (events & UV_READABLE)
		flags |= DBUS_WATCH_READABLE;
	if (events & UV_WRITABLE)
		flags |= DBUS_WATCH_WRITABLE;
	if (entry->watch)
		dbus_watch_handle(entry->watch, flags);
}

static void toggle_watch(DBusWatch *watch, void *data)
{
	struct watch *entry = dbus_watch_get_data(watch);
	unsigned int flags = dbus_watch_get_flags(watch);
	int events = 0;

	(void)data;
	if (flags & DBUS_WATCH_READABLE)
		events |= UV_READABLE;
	if (flags & DBUS_WATCH_WRITABLE)
		events |= UV_WRITABLE;
	if (dbus_watch_get_enabled(watch))
		uv_poll_start(&entry->poll, events, on_poll);
	else
		uv_poll_stop(&entry->poll);
}

static dbus_bool_t add_watch(DBusWatch *watch, void *data)
{
	struct watch *entry = calloc(1, sizeof(*entry));
	uv_loop_t *loop = data;

	if (!entry)
		return FALSE;
	entry->fd = fcntl(dbus_watch_get_unix_fd(watch), F_DUPFD_CLOEXEC, 3);
	if (entry->fd < 0 || uv_poll_init(loop, &entry->poll, entry->fd) < 0) {
		if (entry->fd >= 0)
			close(entry->fd);
		free(entry);
		return FALSE;
	}
	entry->watch = watch;
	entry->poll.data = entry;
	dbus_watch_set_data(watch, entry, NULL);
	toggle_watch(watch, NULL);
	return TRUE;
}

static void watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void remove_watch(DBusWatch *watch, void *data)
{
	struct watch *entry = dbus_watch_get_data(watch);

	(void)data;
	entry->watch = NULL;
	uv_poll_stop(&entry->poll);
	close(entry->fd);
	uv_close((uv_handle_t *)&entry->poll, watch_closed);
}

/* --- Timeouts ------------------------------------------------------------------------------- */

struct timeout {
	uv_timer_t timer;
	DBusTimeout *timeout;
};

static void on_timer(uv_timer_t *timer)
{
	struct timeout *entry = timer->data;

	if (entry->timeout)
		dbus_timeout_handle(entry->timeout);
}

static void toggle_timeout(DBusTimeout *timeout, void *data)
{
	struct timeout *entry = dbus_timeout_get_data(timeout);
	uint64_t interval = (uint64_t)dbus_timeout_get_interval(timeout);

	(void)data;
	if (dbus_timeout_get_enabled(timeout))
		uv_timer_start(&entry->timer, on_timer, interval, interval);
	else
		uv_timer_stop(&entry->timer);
}

static dbus_bool_t add_timeout(DBusTimeout *timeout, void *data)
{
	struct timeout *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return FALSE;
	entry->timeout = timeout;
	uv_timer_init(data, &entry->timer);
	entry->timer.data = entry;
	dbus_timeout_set_data(timeout, entry, NULL);
	toggle_timeout(timeout, NULL);
	return TRUE;
}

static void timeout_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void remove_timeout(DBusTimeout *timeout, void *data)
{
	struct timeout *entry = dbus_timeout_get_data(timeout);

	(void)data;
	entry->timeout = NULL;
	uv_close((uv_handle_t *)&entry->timer, timeout_closed);
}

/* --- Dispatching: never inside libdbus, always from the loop --------------------------------- */

struct dispatcher {
	uv_idle_t idle;
	DBusConnection *connection; /* NULL once it is finalized */
};

static void on_idle(uv_idle_t *idle)
{
	struct dispatcher *dispatcher = idle->data;
	DBusConnection *connection = dispatcher->connection;

	if (!connection) {
		uv_idle_stop(idle);
		return;
	}
	dbus_connection_ref(connection);
	if (dbus_connection_dispatch(connection) != DBUS_DISPATCH_DATA_REMAINS)
		uv_idle_stop(idle);
	dbus_connection_unref(connection);
}

static void status_changed(DBusConnection *connection, DBusDispatchStatus status, void *data)
{
	struct dispatcher *dispatcher = data;

	(void)connection;
	if (status == DBUS_DISPATCH_DATA_REMAINS)
		uv_idle_start(&dispatcher->idle, on_idle);
}

static void dispatcher_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void forget_dispatcher(void *data)
{
	struct dispatcher *dispatcher = data;

	dispatcher->connection = NULL;
	uv_close((uv_handle_t *)&dispatcher->idle, dispatcher_closed);
}

bool bus_loop_add_server(uv_loop_t *loop, DBusServer *server)
{
	return dbus_server_set_watch_functions(server, add_watch, remove_watch, toggle_watch, loop,
					       NULL) &&
	       dbus_server_set_timeout_functions(server, add_timeout, remove_timeout,
						 toggle_timeout, loop, NULL);
}

bool bus_loop_add_connection(uv_loop_t *loop, DBusConnection *connection)
{
	struct dispatcher *dispatcher = calloc(1, sizeof(*dispatcher));

	if (!dispatcher)
		return false;
	dispatcher->connection = connection;
	uv_idle_init(loop, &dispatcher->idle);
	dispatcher->idle.data = dispatcher;
	dbus_connection_set_dispatch_status_function(connection, status_changed, dispatcher,
						     forget_dispatcher);
	if (!dbus_connection_set_watch_functions(connection, add_watch, remove_watch, toggle_watch,
						 loop, NULL) ||
	    !dbus_connection_set_timeout_functions(connection, add_timeout, remove_timeout,
						   toggle_timeout, loop, NULL))
		return false;
	status_changed(connection, dbus_connection_get_dispatch_status(connection), dispatcher);
	return true;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/watch.h"
#include "protocol/base/cleanup.h"

#include <string.h>

struct watch {
	DBusConnection *connection;
	DBusPendingCall *pending;
	watch_answer answer;
	void *owner;
	uv_poll_t poll;
};

static void answered(struct watch *watch)
{
	DBusMessage *reply = dbus_pending_call_get_completed(watch->pending)
				     ? dbus_pending_call_steal_reply(watch->pending)
				     : NULL;
	watch_answer answer = watch->answer;

	uv_poll_stop(&watch->poll);
	watch->answer = NULL;
	if (reply && dbus_message_is_error(reply, DBUS_ERROR_DISCONNECTED)) {
		dbus_message_unref(reply);
		reply = NULL;
	}
	if (answer)
		answer(watch->owner, reply);
	if (reply)
		dbus_message_unref(reply);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;

	(void)status;
	(void)events;
	dbus_connection_read_write(watch->connection, 0);
	while (dbus_connection_dispatch(watch->connection) == DBUS_DISPATCH_DATA_REMAINS)
		;
	/* Without a connection nothing more comes, and its descriptor is closed. */
	if (dbus_pending_call_get_completed(watch->pending) ||
	    !dbus_connection_get_is_connected(watch->connection))
		answered(watch);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

int watch_new(uv_loop_t *loop, struct client *client, DBusMessage *message, watch_answer answer,
	      void *owner, struct watch **result)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int fd, error = -ENOMEM;

	if (!watch || !message)
		goto failed;
	watch->connection = client_connection(client);
	watch->answer = answer;
	watch->owner = owner;
	if (!dbus_connection_send_with_reply(watch->connection, message, &watch->pending,
					     DBUS_TIMEOUT_INFINITE))
		goto failed;
	error = -ENOTCONN;
	if (!watch->pending || !dbus_connection_get_unix_fd(watch->connection, &fd))
		goto failed;
	dbus_connection_flush(watch->connection);
	error = uv_poll_init(loop, &watch->poll, fd);
	if (error)
		goto failed;
	dbus_message_unref(message);
	watch->poll.data = watch;
	uv_poll_start(&watch->poll, UV_READABLE | UV_DISCONNECT, on_readable);
	*result = watch;
	return 0;

failed:
	if (message)
		dbus_message_unref(message);
	if (watch && watch->pending)
		dbus_pending_call_unref(watch->pending);
	free(watch);
	return error;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	dbus_pending_call_cancel(watch->pending);
	dbus_pending_call_unref(watch->pending);
	uv_close((uv_handle_t *)&watch->poll, on_closed);
}

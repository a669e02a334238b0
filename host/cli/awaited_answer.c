/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/awaited_answer.h"
#include "protocol/base/cleanup.h"

#include <string.h>

struct awaited_answer {
	DBusConnection *connection;
	DBusPendingCall *pending;
	answer_handler answer;
	void *owner;
	uv_poll_t poll;
};

static void answered(struct awaited_answer *awaited)
{
	DBusMessage *reply = dbus_pending_call_get_completed(awaited->pending)
				     ? dbus_pending_call_steal_reply(awaited->pending)
				     : NULL;
	answer_handler answer = awaited->answer;

	uv_poll_stop(&awaited->poll);
	awaited->answer = NULL;
	if (reply && dbus_message_is_error(reply, DBUS_ERROR_DISCONNECTED)) {
		dbus_message_unref(reply);
		reply = NULL;
	}
	if (answer)
		answer(awaited->owner, reply);
	if (reply)
		dbus_message_unref(reply);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct awaited_answer *awaited = poll->data;

	(void)status;
	(void)events;
	dbus_connection_read_write(awaited->connection, 0);
	while (dbus_connection_dispatch(awaited->connection) == DBUS_DISPATCH_DATA_REMAINS)
		;
	/* Without a connection nothing more comes, and its descriptor is closed. */
	if (dbus_pending_call_get_completed(awaited->pending) ||
	    !dbus_connection_get_is_connected(awaited->connection))
		answered(awaited);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

int awaited_answer_new(uv_loop_t *loop, struct client *client, DBusMessage *message,
		       answer_handler answer, void *owner, struct awaited_answer **result)
{
	struct awaited_answer *awaited = calloc(1, sizeof(*awaited));
	int fd, error = -ENOMEM;

	if (!awaited || !message)
		goto failed;
	awaited->connection = client_connection(client);
	awaited->answer = answer;
	awaited->owner = owner;
	if (!dbus_connection_send_with_reply(awaited->connection, message, &awaited->pending,
					     DBUS_TIMEOUT_INFINITE))
		goto failed;
	error = -ENOTCONN;
	if (!awaited->pending || !dbus_connection_get_unix_fd(awaited->connection, &fd))
		goto failed;
	dbus_connection_flush(awaited->connection);
	error = uv_poll_init(loop, &awaited->poll, fd);
	if (error)
		goto failed;
	dbus_message_unref(message);
	awaited->poll.data = awaited;
	uv_poll_start(&awaited->poll, UV_READABLE | UV_DISCONNECT, on_readable);
	*result = awaited;
	return 0;

failed:
	if (message)
		dbus_message_unref(message);
	if (awaited && awaited->pending)
		dbus_pending_call_unref(awaited->pending);
	free(awaited);
	return error;
}

void awaited_answer_free(struct awaited_answer *awaited)
{
	if (!awaited)
		return;
	dbus_pending_call_cancel(awaited->pending);
	dbus_pending_call_unref(awaited->pending);
	uv_close((uv_handle_t *)&awaited->poll, on_closed);
}

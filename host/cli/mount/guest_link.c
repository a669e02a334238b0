/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/mount/guest_link.h"

#include "host/cli/client.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/pump/pump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS  3000
/* lodged says so often that there is no such VM before it is believed: it may not have looked at
 * all of them yet. */
#define GONE_TIMES 3

struct guest_link {
	uv_loop_t *loop;
	const char *vm;
	const struct guest_link_handlers *handlers;
	void *owner;
	struct session *session;
	struct pump *pump; /* NULL while not connected */
	uv_timer_t retry;
	uint64_t retry_ms;
	unsigned int not_found;
	uv_work_t work;
	bool is_asking;
	int fd; /* what the thread got; or -errno */
	bool is_freed;
};

/* --- In the thread -------------------------------------------------------------------------- */

/* Consumes @message. Says nothing to people: it is asked again. */
static int ask(struct client *client, DBusMessage *message, DBusMessage **reply)
{
	DBusError error = DBUS_ERROR_INIT;
	int r;

	if (!message)
		return -ENOMEM;
	*reply = dbus_connection_send_with_reply_and_block(client_connection(client), message,
							   CLIENT_QUICK_MS, &error);
	dbus_message_unref(message);
	if (*reply)
		return 0;
	r = dbus_error_has_name(&error, LODGE_ERROR_NOT_FOUND) ? -ENOENT : -EIO;
	dbus_error_free(&error);
	return r;
}

static int ask_for_agent(struct client *client, const char *vm)
{
	DBusMessage *message = dbus_message_new_method_call(NULL, LODGE_MANAGER_PATH,
							    LODGE_MANAGER_INTERFACE, "GetVM");
	DBusMessage *reply, *second;
	const char *path;
	int fd = -EPROTO, r;

	if (message)
		dbus_message_append_args(message, DBUS_TYPE_STRING, &vm, DBUS_TYPE_INVALID);
	r = ask(client, message, &reply);
	if (r < 0)
		return r;
	r = -EPROTO;
	if (dbus_message_get_args(reply, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID))
		r = ask(client,
			dbus_message_new_method_call(NULL, path, LODGE_VM_INTERFACE, "OpenAgent"),
			&second);
	dbus_message_unref(reply);
	if (r < 0)
		return r;
	dbus_message_get_args(second, NULL, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID);
	dbus_message_unref(second);
	return fd;
}

static void open_agent(uv_work_t *work)
{
	struct guest_link *link = work->data;
	_cleanup_client_ struct client *client = NULL;
	int r = client_open(&client);

	link->fd = r < 0 ? -EIO : ask_for_agent(client, link->vm);
}

/* --- On the loop ---------------------------------------------------------------------------- */

static void on_retry(uv_timer_t *timer);

static void again_later(struct guest_link *link)
{
	uv_timer_start(&link->retry, on_retry, link->retry_ms, 0);
	link->retry_ms = MIN(2 * link->retry_ms, (uint64_t)RETRY_LAST_MS);
}

static void on_closed(void *owner, int error)
{
	struct guest_link *link = owner;

	(void)error;
	pump_free(link->pump);
	link->pump = NULL;
	again_later(link);
}

static int use(struct guest_link *link, int fd)
{
	static const struct pump_handlers handlers = {.closed = on_closed};
	int r = pump_new(link->loop, fd, false, link->session, &handlers, link, &link->pump);

	if (r == 0)
		session_start(link->session);
	return r;
}

static void free_link(uv_handle_t *timer)
{
	struct guest_link *link = timer->data;

	session_free(link->session);
	free(link);
}

static void opened(uv_work_t *work, int status)
{
	struct guest_link *link = work->data;

	(void)status;
	link->is_asking = false;
	if (link->is_freed) {
		cleanup_close(&link->fd);
		uv_close((uv_handle_t *)&link->retry, free_link);
		return;
	}
	link->not_found = link->fd == -ENOENT ? link->not_found + 1 : 0;
	if (link->not_found >= GONE_TIMES)
		link->handlers->gone(link->owner);
	else if (link->fd < 0 || use(link, link->fd) < 0)
		again_later(link);
}

static void on_retry(uv_timer_t *timer)
{
	struct guest_link *link = timer->data;

	link->work.data = link;
	link->is_asking = uv_queue_work(link->loop, &link->work, open_agent, opened) == 0;
	if (!link->is_asking)
		again_later(link);
}

static void on_established(void *owner, const struct session_peer *peer)
{
	struct guest_link *link = owner;

	link->retry_ms = RETRY_FIRST_MS;
	link->handlers->established(link->owner, link->session, peer);
}

static void on_lost(void *owner, int reason)
{
	struct guest_link *link = owner;

	(void)reason;
	link->handlers->lost(link->owner);
}

static void on_wake(void *owner)
{
	pump_wake(((struct guest_link *)owner)->pump);
}

int guest_link_new(uv_loop_t *loop, int fd, const char *vm,
		   const struct guest_link_handlers *handlers, void *owner,
		   struct guest_link **result)
{
	static const struct session_handlers session_handlers = {
		.established = on_established, .lost = on_lost, .wake = on_wake};
	static const char *const capabilities[] = {NULL};
	_cleanup_close_ int own = fd;
	struct guest_link *link = calloc(1, sizeof(*link));
	int r;

	if (!link)
		return -ENOMEM;
	*link = (struct guest_link){.loop = loop,
				    .vm = vm,
				    .handlers = handlers,
				    .owner = owner,
				    .retry_ms = RETRY_FIRST_MS};
	link->session = session_new(SESSION_HOST, "lodge " LODGE_VERSION, capabilities,
				    &session_handlers, link);
	r = link->session ? use(link, take_fd(&own)) : -ENOMEM;
	if (r < 0) {
		session_free(link->session);
		free(link);
		return r;
	}
	uv_timer_init(loop, &link->retry);
	link->retry.data = link;
	*result = link;
	return 0;
}

static void ignore(void *owner)
{
	(void)owner;
}

void guest_link_free(struct guest_link *link)
{
	static const struct guest_link_handlers nobody = {.lost = ignore, .gone = ignore};

	if (!link)
		return;
	link->handlers = &nobody;
	link->is_freed = true;
	pump_free(link->pump);
	link->pump = NULL;
	uv_timer_stop(&link->retry);
	/* Else the thread still looks at it. */
	if (!link->is_asking)
		uv_close((uv_handle_t *)&link->retry, free_link);
}

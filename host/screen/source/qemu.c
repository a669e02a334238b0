/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connection to QEMU: calls, monitors, and the source's life.
 */
#include "host/screen/source/limit.h"
#include "host/screen/source/qemu_internal.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <stdarg.h>

/* --- Calls ------------------------------------------------------------------------------------ */

bool qemu_call(struct qemu *qemu, bus_peer_reply *reply, void *owner, const char *path,
	       const char *interface, const char *member, int first, ...)
{
	DBusMessage *message = dbus_message_new_method_call(NULL, path, interface, member);
	va_list arguments;
	bool made;
	int result = -ENOMEM;

	if (!message)
		return false;
	va_start(arguments, first);
	made = dbus_message_append_args_valist(message, first, arguments);
	va_end(arguments);
	dbus_message_set_no_reply(message, reply == NULL);
	if (made && reply)
		result = bus_peer_call(qemu->peer, message, -EBADF, reply, owner);
	else if (made)
		result = bus_peer_send(qemu->peer, message, -EBADF);
	if (result < 0)
		log_debug("cannot call QEMU's %s: %s", member, error_text(result));
	dbus_message_unref(message);
	return result == 0;
}

bool qemu_refused(DBusMessage *reply, const char *what)
{
	if (dbus_message_get_type(reply) != DBUS_MESSAGE_TYPE_ERROR)
		return false;
	log_debug("QEMU refuses %s: %s", what, dbus_message_get_error_name(reply));
	return true;
}

/* --- Monitors --------------------------------------------------------------------------------- */

static void on_mode_set(void *owner, DBusMessage *reply)
{
	(void)owner;
	(void)qemu_refused(reply, "another size");
}

static void qemu_set_mode(struct source *source, unsigned int head, bool enabled,
			  const struct rectangle *place, uint32_t width_mm, uint32_t height_mm)
{
	struct qemu *qemu = qemu_of(source);
	uint16_t wide = (uint16_t)MIN(width_mm, UINT16_MAX);
	uint16_t high = (uint16_t)MIN(height_mm, UINT16_MAX);
	int32_t x = (int32_t)MIN(place->x, UINT16_MAX), y = (int32_t)MIN(place->y, UINT16_MAX);
	uint32_t width = enabled ? place->width : 0, height = enabled ? place->height : 0;

	if (head >= qemu->heads)
		return;
	qemu_call(qemu, on_mode_set, qemu, qemu->console[head].path, QEMU_CONSOLE, "SetUIInfo",
		  DBUS_TYPE_UINT16, &wide, DBUS_TYPE_UINT16, &high, DBUS_TYPE_INT32, &x,
		  DBUS_TYPE_INT32, &y, DBUS_TYPE_UINT32, &width, DBUS_TYPE_UINT32, &height,
		  DBUS_TYPE_INVALID);
	if (qemu->console[head].is_on == enabled)
		return;
	qemu->console[head].is_on = enabled;
	qemu_tell_size(&qemu->console[head]);
	qemu_listen(qemu);
}

static void limit(const struct source *source, unsigned int head,
		  struct rectangle size[DESKTOP_MAX_HEADS])
{
	(void)source;
	limit_to_bytes(LIMIT_QEMU_BYTES, LIMIT_DBUS_BYTES, LIMIT_QEMU_HEIGHT, head, size);
}

/* --- Its life --------------------------------------------------------------------------------- */

static void on_ready(void *owner)
{
	qemu_ask_consoles(owner);
}

static void on_message(void *owner, DBusMessage *message, int *fds, size_t count)
{
	struct qemu *qemu = owner;
	DBusMessage *reply;

	(void)fds;
	(void)count;
	if (dbus_message_is_signal(message, BUS_PROPERTIES, "PropertiesChanged"))
		qemu_properties_changed(qemu, message);
	if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_METHOD_CALL ||
	    dbus_message_get_no_reply(message))
		return;
	reply = dbus_message_new_error(message, DBUS_ERROR_UNKNOWN_METHOD, "nothing is served");
	if (!reply)
		return;
	(void)bus_peer_send(qemu->peer, reply, -EBADF);
	dbus_message_unref(reply);
}

static void on_closed(void *owner, int error)
{
	struct qemu *qemu = owner;

	if (error < 0)
		log_error("QEMU's display: %s", error_text(error));
	screen_source_ended(qemu->source.screen, error);
}

static const struct bus_peer_handlers peer_handlers = {
	.ready = on_ready, .message = on_message, .closed = on_closed};

static void handle_closed(uv_handle_t *handle)
{
	free(handle);
}

static void close_timer(uv_timer_t *timer)
{
	if (timer)
		uv_close((uv_handle_t *)timer, handle_closed);
}

static void qemu_free(struct source *source)
{
	struct qemu *qemu = qemu_of(source);

	for (unsigned int i = 0; i < qemu->heads; i++)
		qemu_listener_free(qemu->console[i].listener);
	close_timer(qemu->linger);
	close_timer(qemu->relisten);
	close_timer(qemu->settle);
	bus_peer_free(qemu->peer);
	free(qemu);
}

static const struct source_ops qemu_ops = {
	.name = "qemu",
	.key_ms = 30, /* 64 events, or a PS/2 keyboard's 16 */
	.watch = qemu_watch,
	.is_current = qemu_is_current,
	.seems_on = true,
	.set_mode = qemu_set_mode,
	.limit = limit,
	.key = qemu_key,
	.is_behind = qemu_is_behind,
	.pointer = qemu_pointer,
	.motion = qemu_motion,
	.button = qemu_button,
	.wheel = qemu_wheel,
	.free = qemu_free,
};

static uv_timer_t *timer_new(struct qemu *qemu)
{
	uv_timer_t *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;
	uv_timer_init(screen_loop(qemu->source.screen), timer);
	timer->data = qemu;
	return timer;
}

int qemu_source_new(struct screen *screen, int fd, struct source **source)
{
	_cleanup_close_ int owned = fd;
	struct qemu *qemu = calloc(1, sizeof(*qemu));
	int result = -ENOMEM;

	if (!qemu)
		return -ENOMEM;
	qemu->source = (struct source){.ops = &qemu_ops, .screen = screen};
	qemu->linger = timer_new(qemu);
	qemu->relisten = timer_new(qemu);
	qemu->settle = timer_new(qemu);
	if (qemu->linger && qemu->relisten && qemu->settle)
		result = bus_peer_new(screen_loop(screen), take_fd(&owned), false, &peer_handlers,
				      qemu, &qemu->peer);
	if (result < 0)
		qemu_free(&qemu->source);
	else
		*source = &qemu->source;
	return result;
}

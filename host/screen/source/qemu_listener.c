/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/source/qemu_listener.h"

#include "host/screen/bus_peer.h"
#include "host/screen/source/pixels.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#define INTERFACE  "org.qemu.Display1.Listener"
#define PROPERTIES "org.freedesktop.DBus.Properties"

struct qemu_listener {
	struct screen *screen;
	unsigned int head;
	struct bus_peer *peer;
	const struct qemu_listener_handlers *handlers;
	void *owner;
	bool has_picture, is_shown;
	bool busy, freed; /* freed while busy: its memory goes when it no longer is */
	bool reported;	  /* a format that we do not know: said once */
	uint32_t width, height;
	struct desktop_cursor cursor; /* pixels are owned */
	int32_t cursor_x, cursor_y;   /* of its top left corner */
};

/* --- Pixels ----------------------------------------------------------------------------------- */

/* Rows of four bytes a pixel, as QEMU sends them. */
struct rows {
	uint32_t stride, format;
	const uint8_t *bytes;
	int length;
};

static bool find_order(struct qemu_listener *listener, uint32_t format, enum pixels_order *order)
{
	if (pixels_of_pixman(format, order))
		return true;
	if (!listener->reported)
		log_warning("QEMU sends pixels in a format that is not known (%#x)", format);
	listener->reported = true;
	return false;
}

static bool fits(const struct rows *rows, const struct rectangle *where)
{
	uint64_t needed = (uint64_t)rows->stride * (where->height - 1) + (uint64_t)where->width * 4;

	return rows->length >= 0 && rows->stride >= (uint64_t)where->width * 4 &&
	       needed <= (uint64_t)rows->length;
}

/* @where: within the console. */
static void copy_rows(struct qemu_listener *listener, const struct rows *rows,
		      struct rectangle where)
{
	enum pixels_order order;
	struct rectangle place;
	size_t stride;
	uint8_t *pixels = screen_pixels(listener->screen, listener->head, &place, &stride);

	if (!pixels || !find_order(listener, rows->format, &order) || where.x >= place.width ||
	    where.y >= place.height)
		return;
	where.width = MIN(where.width, place.width - where.x);
	where.height = MIN(where.height, place.height - where.y);
	for (size_t y = 0; y < where.height; y++) {
		uint8_t *to = pixels + (where.y + y) * stride + where.x * 4UL;

		memcpy(to, rows->bytes + y * rows->stride, where.width * 4UL);
		pixels_from_guest(order, to, where.width);
	}
	screen_damaged(listener->screen, listener->head, &where);
}

/* --- What QEMU calls -------------------------------------------------------------------------- */

static int on_scanout(struct qemu_listener *listener, DBusMessage *message)
{
	struct rectangle all = {0};
	struct rows rows;

	if (!dbus_message_get_args(message, NULL, DBUS_TYPE_UINT32, &all.width, DBUS_TYPE_UINT32,
				   &all.height, DBUS_TYPE_UINT32, &rows.stride, DBUS_TYPE_UINT32,
				   &rows.format, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &rows.bytes,
				   &rows.length, DBUS_TYPE_INVALID))
		return -EBADMSG;
	if (all.width == 0 || all.height == 0 || all.width > QEMU_MAX_SIDE ||
	    all.height > QEMU_MAX_SIDE || !fits(&rows, &all))
		return -EBADMSG;
	listener->has_picture = true;
	listener->width = all.width;
	listener->height = all.height;
	listener->is_shown = listener->handlers->shows(listener->owner, all.width, all.height);
	if (!listener->freed && listener->is_shown)
		copy_rows(listener, &rows, all);
	return 0;
}

static int on_update(struct qemu_listener *listener, DBusMessage *message)
{
	int32_t x, y, width, height;
	struct rectangle where;
	struct rows rows;

	if (!dbus_message_get_args(message, NULL, DBUS_TYPE_INT32, &x, DBUS_TYPE_INT32, &y,
				   DBUS_TYPE_INT32, &width, DBUS_TYPE_INT32, &height,
				   DBUS_TYPE_UINT32, &rows.stride, DBUS_TYPE_UINT32, &rows.format,
				   DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &rows.bytes, &rows.length,
				   DBUS_TYPE_INVALID))
		return -EBADMSG;
	if (x < 0 || y < 0 || width <= 0 || height <= 0 || x > QEMU_MAX_SIDE || y > QEMU_MAX_SIDE ||
	    width > QEMU_MAX_SIDE || height > QEMU_MAX_SIDE)
		return -EBADMSG;
	where = (struct rectangle){(uint32_t)x, (uint32_t)y, (uint32_t)width, (uint32_t)height};
	if (!fits(&rows, &where))
		return -EBADMSG;
	if (listener->is_shown && where.x + where.width <= listener->width &&
	    where.y + where.height <= listener->height)
		copy_rows(listener, &rows, where);
	return 0;
}

static int on_disable(struct qemu_listener *listener, DBusMessage *message)
{
	(void)message;
	listener->has_picture = true;
	listener->is_shown = listener->handlers->shows(listener->owner, 0, 0);
	return 0;
}

static void tell_cursor(struct qemu_listener *listener)
{
	struct desktop_cursor *cursor = &listener->cursor;

	cursor->x = listener->cursor_x + (int32_t)cursor->hot_x;
	cursor->y = listener->cursor_y + (int32_t)cursor->hot_y;
	screen_set_cursor(listener->screen, listener->head, cursor);
}

static int on_mouse_set(struct qemu_listener *listener, DBusMessage *message)
{
	int32_t x, y, on;

	if (!dbus_message_get_args(message, NULL, DBUS_TYPE_INT32, &x, DBUS_TYPE_INT32, &y,
				   DBUS_TYPE_INT32, &on, DBUS_TYPE_INVALID))
		return -EBADMSG;
	listener->cursor_x = MIN(MAX(x, -QEMU_MAX_SIDE), QEMU_MAX_SIDE);
	listener->cursor_y = MIN(MAX(y, -QEMU_MAX_SIDE), QEMU_MAX_SIDE);
	listener->cursor.visible = on && listener->cursor.pixels;
	tell_cursor(listener);
	return 0;
}

static int on_cursor_define(struct qemu_listener *listener, DBusMessage *message)
{
	int32_t width, height, hot_x, hot_y;
	struct desktop_cursor *cursor = &listener->cursor;
	const uint8_t *bytes;
	uint32_t *pixels;
	int length;

	if (!dbus_message_get_args(message, NULL, DBUS_TYPE_INT32, &width, DBUS_TYPE_INT32, &height,
				   DBUS_TYPE_INT32, &hot_x, DBUS_TYPE_INT32, &hot_y,
				   DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &bytes, &length,
				   DBUS_TYPE_INVALID))
		return -EBADMSG;
	if (width <= 0 || height <= 0 || width > QEMU_MAX_CURSOR || height > QEMU_MAX_CURSOR ||
	    length < width * height * 4)
		return -EBADMSG;
	pixels = malloc((size_t)width * (size_t)height * 4);
	if (!pixels)
		return -ENOMEM;
	memcpy(pixels, bytes, (size_t)width * (size_t)height * 4);
	free(cursor->pixels);
	cursor->pixels = pixels;
	cursor->width = (uint32_t)width;
	cursor->height = (uint32_t)height;
	cursor->hot_x = (uint32_t)MIN(MAX(hot_x, 0), width - 1);
	cursor->hot_y = (uint32_t)MIN(MAX(hot_y, 0), height - 1);
	cursor->visible = true;
	tell_cursor(listener);
	return 0;
}

static const struct {
	const char *member;
	int (*call)(struct qemu_listener *listener, DBusMessage *message);
} methods[] = {
	{"Update", on_update},	    {"Scanout", on_scanout},
	{"MouseSet", on_mouse_set}, {"CursorDefine", on_cursor_define},
	{"Disable", on_disable},
};

/* QEMU asks once what else we can: nothing. */
static DBusMessage *reply_properties(DBusMessage *message)
{
	DBusMessage *reply = dbus_message_new_method_return(message);
	DBusMessageIter iter, array;

	if (!reply)
		return NULL;
	dbus_message_iter_init_append(reply, &iter);
	if (!dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &array) ||
	    !dbus_message_iter_close_container(&iter, &array)) {
		dbus_message_unref(reply);
		return NULL;
	}
	return reply;
}

static DBusMessage *call_method(struct qemu_listener *listener, DBusMessage *message)
{
	const char *member = dbus_message_get_member(message);

	if (dbus_message_is_method_call(message, PROPERTIES, "GetAll"))
		return reply_properties(message);
	if (!dbus_message_has_interface(message, INTERFACE))
		return dbus_message_new_error(message, DBUS_ERROR_UNKNOWN_INTERFACE, "unknown");
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (strcmp(member, methods[i].member) != 0)
			continue;
		if (methods[i].call(listener, message) < 0)
			return dbus_message_new_error(message, DBUS_ERROR_INVALID_ARGS,
						      "not what a display can show");
		return dbus_message_new_method_return(message);
	}
	return dbus_message_new_error(message, DBUS_ERROR_UNKNOWN_METHOD, "unknown");
}

static void release(struct qemu_listener *listener)
{
	free(listener->cursor.pixels);
	free(listener);
}

static void on_message(void *owner, DBusMessage *message, int *fds, size_t count)
{
	struct qemu_listener *listener = owner;
	DBusMessage *reply;

	(void)fds;
	(void)count;
	if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_METHOD_CALL)
		return;
	listener->busy = true;
	reply = call_method(listener, message);
	listener->busy = false;
	if (reply && !listener->freed && !dbus_message_get_no_reply(message))
		(void)bus_peer_send(listener->peer, reply, -EBADF);
	if (reply)
		dbus_message_unref(reply);
	if (listener->freed)
		release(listener);
}

static void on_closed(void *owner, int error)
{
	struct qemu_listener *listener = owner;

	listener->handlers->closed(listener->owner, error);
}

static const struct bus_peer_handlers peer_handlers = {.message = on_message, .closed = on_closed};

/* --- Its life --------------------------------------------------------------------------------- */

int qemu_listener_new(struct screen *screen, unsigned int head, int fd,
		      const struct qemu_listener_handlers *handlers, void *owner,
		      struct qemu_listener **result)
{
	_cleanup_close_ int owned = fd;
	_cleanup_free_ struct qemu_listener *listener = calloc(1, sizeof(*listener));
	int error;

	if (!listener)
		return -ENOMEM;
	listener->screen = screen;
	listener->head = head;
	listener->handlers = handlers;
	listener->owner = owner;
	error = bus_peer_new(screen_loop(screen), take_fd(&owned), false, &peer_handlers, listener,
			     &listener->peer);
	if (error < 0)
		return error;
	*result = take_ptr(listener);
	return 0;
}

bool qemu_listener_has_picture(const struct qemu_listener *listener)
{
	return listener->has_picture;
}

void qemu_listener_free(struct qemu_listener *listener)
{
	if (!listener || listener->freed)
		return;
	listener->freed = true;
	bus_peer_free(listener->peer);
	if (!listener->busy)
		release(listener);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a listener is called with: pictures, parts of them, the cursor.
 *
 * With Unix.Map the picture is copied into memory that the listener has mapped; it cannot be made
 * smaller, so that whatever the listener does with it does not harm us, and nothing is read from
 * it. Without, the bytes go along, which ends at what a D-Bus array can hold.
 */
#include "host/screen/dbus/listener_internal.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <fcntl.h>
#include <sys/mman.h>

#define PIXEL 4U
/* pixman's x8r8g8b8: what a desktop has. */
#define PIXMAN_X8R8G8B8 0x20020888U

const struct desktop_head *listener_head(const struct dbus_listener *listener)
{
	return &screen_desktop(listener->viewer->viewer.screen)->head[listener->head];
}

/* --- Calls ------------------------------------------------------------------------------------ */

static void on_answer(void *owner, DBusMessage *reply)
{
	struct dbus_listener *listener = owner;

	listener->waiting = false;
	/* It cannot map after all: from now on bytes, beginning with the whole. */
	if (dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR && listener->can_map &&
	    listener->map_fd >= 0) {
		log_debug("viewer dbus %s does not take memory", listener->viewer->viewer.peer);
		listener->can_map = false;
		listener->new_scanout = true;
	}
	listener_pump(listener);
}

/* @message is gone then; NULL: there was no memory for it, and this is tried again later. */
static bool call(struct dbus_listener *listener, DBusMessage *message, int fd)
{
	int result = -ENOMEM;

	if (message)
		result = bus_peer_call(listener->peer, message, fd, on_answer, listener);
	else if (fd >= 0)
		close(fd);
	if (message)
		dbus_message_unref(message);
	listener->waiting = result == 0;
	return result == 0;
}

DBusMessage *listener_new_call(const char *interface, const char *member)
{
	return dbus_message_new_method_call(NULL, LISTENER_PATH, interface, member);
}

/* NULL if it is. */
static DBusMessage *unless_failed(DBusMessage *message, bool good)
{
	if (message && !good) {
		dbus_message_unref(message);
		return NULL;
	}
	return message;
}

/* --- Pixels ----------------------------------------------------------------------------------- */

static void copy_rows(const struct dbus_listener *listener, const struct rectangle *where,
		      uint8_t *to, size_t stride)
{
	const struct desktop *desktop = screen_desktop(listener->viewer->viewer.screen);
	const struct rectangle *place = &listener_head(listener)->place;
	const uint8_t *from = desktop->pixels + (place->y + where->y) * desktop->stride +
			      (size_t)(place->x + where->x) * PIXEL;

	for (uint32_t y = 0; y < where->height; y++)
		memcpy(to + y * stride, from + y * desktop->stride, where->width * (size_t)PIXEL);
}

/* Appends the rectangle as "ay". */
static bool append_pixels(struct dbus_listener *listener, const struct rectangle *where,
			  DBusMessage *message)
{
	const struct desktop *desktop = screen_desktop(listener->viewer->viewer.screen);
	const struct rectangle *place = &listener_head(listener)->place;
	size_t stride = where->width * (size_t)PIXEL, length = stride * where->height;
	_cleanup_free_ uint8_t *copy = NULL;
	const uint8_t *bytes;

	if (length > DBUS_MAXIMUM_ARRAY_LENGTH)
		return false;
	if (stride == desktop->stride) { /* all rows lie behind each other */
		bytes = desktop->pixels + (place->y + where->y) * desktop->stride;
	} else {
		bytes = copy = malloc(length);
		if (!copy)
			return false;
		copy_rows(listener, where, copy, stride);
	}
	return dbus_message_append_args(message, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &bytes,
					(int)length, DBUS_TYPE_INVALID);
}

void listener_drop_map(struct dbus_listener *listener)
{
	if (listener->map)
		munmap(listener->map, listener->map_size);
	cleanup_close(&listener->map_fd);
	listener->map = NULL;
	listener->map_fd = -EBADF;
	listener->map_size = 0;
}

static bool make_map(struct dbus_listener *listener, size_t size)
{
	int fd = memfd_create("lodge-screen", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint8_t *map;

	listener_drop_map(listener);
	if (fd < 0)
		return false;
	if (ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		close(fd);
		return false;
	}
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		close(fd);
		return false;
	}
	listener->map = map;
	listener->map_size = size;
	listener->map_fd = fd;
	return true;
}

static bool scanout_by_map(struct dbus_listener *listener, const struct rectangle *whole)
{
	uint32_t stride = whole->width * PIXEL, offset = 0, format = PIXMAN_X8R8G8B8;
	DBusMessage *message;

	if (!make_map(listener, (size_t)stride * whole->height))
		return false;
	copy_rows(listener, whole, listener->map, stride);
	message = listener_new_call(LISTENER_MAP, "ScanoutMap");
	message = unless_failed(
		message,
		message && dbus_message_append_args(message, DBUS_TYPE_UNIX_FD, &listener->map_fd,
						    DBUS_TYPE_UINT32, &offset, DBUS_TYPE_UINT32,
						    &whole->width, DBUS_TYPE_UINT32, &whole->height,
						    DBUS_TYPE_UINT32, &stride, DBUS_TYPE_UINT32,
						    &format, DBUS_TYPE_INVALID));
	return call(listener, message, fcntl(listener->map_fd, F_DUPFD_CLOEXEC, 3));
}

static bool scanout_by_bytes(struct dbus_listener *listener, const struct rectangle *whole)
{
	uint32_t stride = whole->width * PIXEL, format = PIXMAN_X8R8G8B8;
	DBusMessage *message = listener_new_call(LISTENER, "Scanout");

	return call(listener,
		    unless_failed(message,
				  message &&
					  dbus_message_append_args(message, DBUS_TYPE_UINT32,
								   &whole->width, DBUS_TYPE_UINT32,
								   &whole->height, DBUS_TYPE_UINT32,
								   &stride, DBUS_TYPE_UINT32,
								   &format, DBUS_TYPE_INVALID) &&
					  append_pixels(listener, whole, message)),
		    -1);
}

/* --- What is to be sent ----------------------------------------------------------------------- */

void listener_send_disable(struct dbus_listener *listener)
{
	listener_drop_map(listener);
	listener->width = listener->height = 0;
	listener->disabled = call(listener, listener_new_call(LISTENER, "Disable"), -1);
}

void listener_send_scanout(struct dbus_listener *listener)
{
	const struct desktop_head *head = listener_head(listener);
	const struct rectangle whole = {0, 0, head->place.width, head->place.height};
	bool by_bytes = (uint64_t)whole.width * PIXEL * whole.height <= DBUS_MAXIMUM_ARRAY_LENGTH;
	bool sent = false;

	if (listener->can_map)
		sent = scanout_by_map(listener, &whole);
	if (!sent && !by_bytes) {
		if (!listener->too_large)
			log_warning("%u x %u pixels are more than viewer dbus %s can be sent",
				    whole.width, whole.height, listener->viewer->viewer.peer);
		listener->too_large = true;
		if (!listener->disabled)
			listener_send_disable(listener);
		return;
	}
	if (!sent) {
		listener_drop_map(listener);
		sent = scanout_by_bytes(listener, &whole);
	}
	if (!sent)
		return;
	listener->new_scanout = listener->disabled = listener->too_large = false;
	listener->damage = (struct rectangle){0};
	listener->width = whole.width;
	listener->height = whole.height;
}

void listener_send_update(struct dbus_listener *listener)
{
	const struct rectangle *where = &listener->damage;
	const int32_t x = (int32_t)where->x, y = (int32_t)where->y;
	const int32_t width = (int32_t)where->width, height = (int32_t)where->height;
	uint32_t stride = where->width * PIXEL, format = PIXMAN_X8R8G8B8;
	DBusMessage *message = listener->map ? listener_new_call(LISTENER_MAP, "UpdateMap")
					     : listener_new_call(LISTENER, "Update");
	bool good =
		message && dbus_message_append_args(message, DBUS_TYPE_INT32, &x, DBUS_TYPE_INT32,
						    &y, DBUS_TYPE_INT32, &width, DBUS_TYPE_INT32,
						    &height, DBUS_TYPE_INVALID);

	if (listener->map)
		copy_rows(listener, where,
			  listener->map + ((size_t)where->y * listener->width + where->x) * PIXEL,
			  (size_t)listener->width * PIXEL);
	else
		good = good &&
		       dbus_message_append_args(message, DBUS_TYPE_UINT32, &stride,
						DBUS_TYPE_UINT32, &format, DBUS_TYPE_INVALID) &&
		       append_pixels(listener, where, message);
	if (call(listener, unless_failed(message, good), -1))
		listener->damage = (struct rectangle){0};
}

void listener_send_cursor(struct dbus_listener *listener)
{
	const struct desktop_cursor *cursor = screen_cursor(listener->viewer->viewer.screen);
	const int32_t width = (int32_t)cursor->width, height = (int32_t)cursor->height;
	const int32_t hot_x = (int32_t)cursor->hot_x, hot_y = (int32_t)cursor->hot_y;
	const uint32_t *pixels = cursor->pixels;
	DBusMessage *message = listener_new_call(LISTENER, "CursorDefine");
	bool good = message &&
		    dbus_message_append_args(message, DBUS_TYPE_INT32, &width, DBUS_TYPE_INT32,
					     &height, DBUS_TYPE_INT32, &hot_x, DBUS_TYPE_INT32,
					     &hot_y, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &pixels,
					     (int)(cursor->width * cursor->height * PIXEL),
					     DBUS_TYPE_INVALID);

	if (call(listener, unless_failed(message, good), -1)) {
		listener->new_cursor = false;
		listener->cursor_generation = cursor->generation;
	}
}

void listener_send_place(struct dbus_listener *listener)
{
	const struct desktop_cursor *cursor = screen_cursor(listener->viewer->viewer.screen);
	const struct rectangle *place = &listener_head(listener)->place;
	const int32_t x = cursor->x - (int32_t)place->x, y = cursor->y - (int32_t)place->y;
	/* Seen on the head that it is on. */
	const int32_t on = cursor->visible && x >= 0 && y >= 0 && x < (int32_t)place->width &&
			   y < (int32_t)place->height;
	DBusMessage *message = listener_new_call(LISTENER, "MouseSet");
	bool good =
		message && dbus_message_append_args(message, DBUS_TYPE_INT32, &x, DBUS_TYPE_INT32,
						    &y, DBUS_TYPE_INT32, &on, DBUS_TYPE_INVALID);

	if (call(listener, unless_failed(message, good), -1))
		listener->new_place = false;
}

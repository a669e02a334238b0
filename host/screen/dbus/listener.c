/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One console's picture on its way to one listener. What has changed is remembered as one
 * rectangle, and sent when the last call was answered: a listener that is slow gets fewer and
 * larger updates.
 *
 * With Unix.Map the picture is copied into memory that the listener has mapped; it cannot be made
 * smaller, so that whatever the listener does with it does not harm us, and nothing is read from
 * it. Without, the bytes go along, which ends at what a D-Bus array can hold.
 */
#include "host/screen/dbus/internal.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#define LISTENER      "org.qemu.Display1.Listener"
#define LISTENER_MAP  "org.qemu.Display1.Listener.Unix.Map"
#define LISTENER_PATH "/org/qemu/Display1/Listener"
#define PIXEL	      4U
/* pixman's x8r8g8b8 and a8r8g8b8: what a desktop has. */
#define PIXMAN_X8R8G8B8 0x20020888U

struct dbus_listener {
	struct dbus_viewer *viewer;
	struct dbus_listener *next;
	struct bus_peer *peer;
	unsigned int head;
	bool ready;	  /* it has said what it can */
	bool can_map;	  /* Unix.Map */
	bool waiting;	  /* for the answer to a call */
	bool new_scanout; /* the picture is another */
	bool disabled;	  /* it was told that there is none */
	bool too_large;	  /* likewise, since it cannot be sent */
	bool new_cursor, new_place;
	struct rectangle damage; /* on the head */
	uint32_t width, height;	 /* of the last scanout */
	uint32_t cursor_generation;
	uint8_t *map;
	size_t map_size;
	int map_fd;
};

static void pump(struct dbus_listener *listener);

struct dbus_listener *dbus_listener_next(const struct dbus_listener *listener)
{
	return listener->next;
}

static const struct desktop_head *head_of(const struct dbus_listener *listener)
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
	pump(listener);
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

static DBusMessage *new_call(const char *interface, const char *member)
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
	const struct rectangle *place = &head_of(listener)->place;
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
	const struct rectangle *place = &head_of(listener)->place;
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

static void drop_map(struct dbus_listener *listener)
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

	drop_map(listener);
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
	message = new_call(LISTENER_MAP, "ScanoutMap");
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
	DBusMessage *message = new_call(LISTENER, "Scanout");

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

static void send_disable(struct dbus_listener *listener)
{
	drop_map(listener);
	listener->width = listener->height = 0;
	listener->disabled = call(listener, new_call(LISTENER, "Disable"), -1);
}

static void send_scanout(struct dbus_listener *listener)
{
	const struct desktop_head *head = head_of(listener);
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
			send_disable(listener);
		return;
	}
	if (!sent) {
		drop_map(listener);
		sent = scanout_by_bytes(listener, &whole);
	}
	if (!sent)
		return;
	listener->new_scanout = listener->disabled = listener->too_large = false;
	listener->damage = (struct rectangle){0};
	listener->width = whole.width;
	listener->height = whole.height;
}

static void send_update(struct dbus_listener *listener)
{
	const struct rectangle *where = &listener->damage;
	const int32_t x = (int32_t)where->x, y = (int32_t)where->y;
	const int32_t width = (int32_t)where->width, height = (int32_t)where->height;
	uint32_t stride = where->width * PIXEL, format = PIXMAN_X8R8G8B8;
	DBusMessage *message =
		listener->map ? new_call(LISTENER_MAP, "UpdateMap") : new_call(LISTENER, "Update");
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

static void send_cursor(struct dbus_listener *listener)
{
	const struct desktop_cursor *cursor = screen_cursor(listener->viewer->viewer.screen);
	const int32_t width = (int32_t)cursor->width, height = (int32_t)cursor->height;
	const int32_t hot_x = (int32_t)cursor->hot_x, hot_y = (int32_t)cursor->hot_y;
	const uint32_t *pixels = cursor->pixels;
	DBusMessage *message = new_call(LISTENER, "CursorDefine");
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

static void send_place(struct dbus_listener *listener)
{
	const struct desktop_cursor *cursor = screen_cursor(listener->viewer->viewer.screen);
	const struct rectangle *place = &head_of(listener)->place;
	const int32_t x = cursor->x - (int32_t)place->x, y = cursor->y - (int32_t)place->y;
	/* Seen on the head that it is on. */
	const int32_t on = cursor->visible && x >= 0 && y >= 0 && x < (int32_t)place->width &&
			   y < (int32_t)place->height;
	DBusMessage *message = new_call(LISTENER, "MouseSet");
	bool good =
		message && dbus_message_append_args(message, DBUS_TYPE_INT32, &x, DBUS_TYPE_INT32,
						    &y, DBUS_TYPE_INT32, &on, DBUS_TYPE_INVALID);

	if (call(listener, unless_failed(message, good), -1))
		listener->new_place = false;
}

static bool is_empty(const struct rectangle *rectangle)
{
	return rectangle->width == 0 || rectangle->height == 0;
}

/* One call at a time. The cursor goes before the picture, and after one whole picture at most. */
static void pump(struct dbus_listener *listener)
{
	const struct screen *screen = listener->viewer->viewer.screen;
	const struct desktop_head *head = head_of(listener);

	if (!listener->ready || listener->waiting)
		return;
	if (!head->enabled || !screen_desktop(screen)->pixels) {
		if (!listener->disabled)
			send_disable(listener);
	} else if (listener->new_scanout) {
		send_scanout(listener);
	} else if (listener->too_large) {
		return;
	} else if (listener->new_cursor && screen_cursor(screen)->pixels) {
		send_cursor(listener);
	} else if (listener->new_place) {
		send_place(listener);
	} else if (!is_empty(&listener->damage)) {
		send_update(listener);
	}
}

/* --- What the screen tells -------------------------------------------------------------------- */

void dbus_listener_desktop_changed(struct dbus_listener *listener)
{
	const struct desktop_head *head = head_of(listener);

	/* Another place of the same size is no other picture, but other pixels. */
	listener->new_scanout = true;
	if (head->enabled && listener->width == head->place.width &&
	    listener->height == head->place.height && !listener->disabled) {
		listener->new_scanout = false;
		listener->damage = (struct rectangle){0, 0, head->place.width, head->place.height};
	}
	listener->new_place = true;
	pump(listener);
}

/* The part of @where that is in @place, as seen from there. */
static struct rectangle within(const struct rectangle *where, const struct rectangle *place)
{
	uint64_t left = MAX(where->x, place->x), top = MAX(where->y, place->y);
	uint64_t right = MIN((uint64_t)where->x + where->width, (uint64_t)place->x + place->width);
	uint64_t bottom =
		MIN((uint64_t)where->y + where->height, (uint64_t)place->y + place->height);

	if (left >= right || top >= bottom)
		return (struct rectangle){0};
	return (struct rectangle){(uint32_t)(left - place->x), (uint32_t)(top - place->y),
				  (uint32_t)(right - left), (uint32_t)(bottom - top)};
}

static struct rectangle around(const struct rectangle *one, const struct rectangle *other)
{
	uint32_t left = MIN(one->x, other->x), top = MIN(one->y, other->y);

	if (is_empty(one))
		return *other;
	return (struct rectangle){left, top,
				  MAX(one->x + one->width, other->x + other->width) - left,
				  MAX(one->y + one->height, other->y + other->height) - top};
}

void dbus_listener_damaged(struct dbus_listener *listener, const struct rectangle *where)
{
	const struct desktop_head *head = head_of(listener);
	struct rectangle part;

	if (!head->enabled)
		return;
	part = within(where, &head->place);
	if (is_empty(&part))
		return;
	listener->damage = around(&listener->damage, &part);
	pump(listener);
}

void dbus_listener_cursor_changed(struct dbus_listener *listener)
{
	const struct desktop_cursor *cursor = screen_cursor(listener->viewer->viewer.screen);

	if (cursor->pixels && cursor->generation != listener->cursor_generation)
		listener->new_cursor = true;
	listener->new_place = true;
	pump(listener);
}

/* --- Its life --------------------------------------------------------------------------------- */

/* The answer to what else it can: a variant with an array of names. An error: nothing else. */
static bool says_map(DBusMessage *reply)
{
	DBusMessageIter variant, value, names;
	const char *name;

	if (!dbus_message_iter_init(reply, &variant) ||
	    dbus_message_iter_get_arg_type(&variant) != DBUS_TYPE_VARIANT)
		return false;
	dbus_message_iter_recurse(&variant, &value);
	if (dbus_message_iter_get_arg_type(&value) != DBUS_TYPE_ARRAY ||
	    dbus_message_iter_get_element_type(&value) != DBUS_TYPE_STRING)
		return false;
	dbus_message_iter_recurse(&value, &names);
	while (dbus_message_iter_get_arg_type(&names) == DBUS_TYPE_STRING) {
		dbus_message_iter_get_basic(&names, &name);
		if (strcmp(name, LISTENER_MAP) == 0)
			return true;
		dbus_message_iter_next(&names);
	}
	return false;
}

static void on_interfaces(void *owner, DBusMessage *reply)
{
	struct dbus_listener *listener = owner;

	listener->can_map = says_map(reply);
	listener->waiting = false;
	listener->ready = true;
	listener->new_scanout = true;
	dbus_listener_cursor_changed(listener);
	screen_watch(&listener->viewer->viewer, true);
}

static void on_ready(void *owner)
{
	static const char *const interface = LISTENER, *const property = "Interfaces";
	struct dbus_listener *listener = owner;
	DBusMessage *message = new_call(DISPLAY_PROPERTIES, "Get");

	if (!message)
		return;
	if (dbus_message_append_args(message, DBUS_TYPE_STRING, &interface, DBUS_TYPE_STRING,
				     &property, DBUS_TYPE_INVALID))
		bus_peer_call(listener->peer, message, -1, on_interfaces, listener);
	dbus_message_unref(message);
}

/* There is nothing to be called here. */
static void on_message(void *owner, DBusMessage *message, int *fds, size_t count)
{
	struct dbus_listener *listener = owner;
	DBusMessage *answer;

	(void)fds;
	(void)count;
	if (bus_peer_queued(listener->peer) > DISPLAY_MAX_UNANSWERED ||
	    dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_METHOD_CALL ||
	    dbus_message_get_no_reply(message))
		return;
	answer = dbus_message_new_error(message, DBUS_ERROR_UNKNOWN_OBJECT,
					"there is nothing to be called here");
	if (!answer)
		return;
	bus_peer_send(listener->peer, answer, -1);
	dbus_message_unref(answer);
}

static void on_closed(void *owner, int error)
{
	(void)error;
	dbus_listener_free(owner);
}

static const struct bus_peer_handlers handlers = {on_ready, on_message, NULL, on_closed};

int dbus_listener_new(struct dbus_viewer *viewer, unsigned int head, int fd)
{
	_cleanup_close_ int mine = fd;
	struct dbus_listener *listener;
	int result;

	if (viewer->listener_count >= DISPLAY_MAX_LISTENERS)
		return -EMFILE;
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		return -ENOMEM;
	listener->viewer = viewer;
	listener->head = head;
	listener->map_fd = -EBADF;
	result = bus_peer_new(screen_loop(viewer->viewer.screen), take_fd(&mine), true, &handlers,
			      listener, &listener->peer);
	if (result < 0) {
		free(listener);
		return result;
	}
	bus_peer_limit(listener->peer, DISPLAY_MAX_ANSWER);
	listener->next = viewer->listeners;
	viewer->listeners = listener;
	viewer->listener_count++;
	return 0;
}

void dbus_listener_free(struct dbus_listener *listener)
{
	struct dbus_viewer *viewer = listener->viewer;
	struct dbus_listener **place = &viewer->listeners;

	while (*place != listener)
		place = &(*place)->next;
	*place = listener->next;
	viewer->listener_count--;
	if (viewer->listener_count == 0)
		screen_watch(&viewer->viewer, false);
	bus_peer_free(listener->peer);
	drop_map(listener);
	free(listener);
}

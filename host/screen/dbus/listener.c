/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One console's picture on its way to one listener. What has changed is remembered as one
 * rectangle, and sent when the last call was answered: a listener that is slow gets fewer and
 * larger updates.
 */
#include "host/screen/dbus/listener_internal.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

struct dbus_listener *dbus_listener_next(const struct dbus_listener *listener)
{
	return listener->next;
}

static bool is_empty(const struct rectangle *rectangle)
{
	return rectangle->width == 0 || rectangle->height == 0;
}

/* One call at a time. The cursor goes before the picture, and after one whole picture at most. */
void listener_pump(struct dbus_listener *listener)
{
	const struct screen *screen = listener->viewer->viewer.screen;
	const struct desktop_head *head = listener_head(listener);

	if (!listener->ready || listener->waiting)
		return;
	if (!head->enabled || !screen_desktop(screen)->pixels) {
		if (!listener->disabled)
			listener_send_disable(listener);
	} else if (listener->new_scanout) {
		listener_send_scanout(listener);
	} else if (listener->too_large) {
		return;
	} else if (listener->new_cursor && screen_cursor(screen)->pixels) {
		listener_send_cursor(listener);
	} else if (listener->new_place) {
		listener_send_place(listener);
	} else if (!is_empty(&listener->damage)) {
		listener_send_update(listener);
	}
}

/* --- What the screen tells -------------------------------------------------------------------- */

void dbus_listener_desktop_changed(struct dbus_listener *listener)
{
	const struct desktop_head *head = listener_head(listener);

	/* Another place of the same size is no other picture, but other pixels. */
	listener->new_scanout = true;
	if (head->enabled && listener->width == head->place.width &&
	    listener->height == head->place.height && !listener->disabled) {
		listener->new_scanout = false;
		listener->damage = (struct rectangle){0, 0, head->place.width, head->place.height};
	}
	listener->new_place = true;
	listener_pump(listener);
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
	const struct desktop_head *head = listener_head(listener);
	struct rectangle part;

	if (!head->enabled)
		return;
	part = within(where, &head->place);
	if (is_empty(&part))
		return;
	listener->damage = around(&listener->damage, &part);
	listener_pump(listener);
}

void dbus_listener_cursor_changed(struct dbus_listener *listener)
{
	const struct desktop_cursor *cursor = screen_cursor(listener->viewer->viewer.screen);

	if (cursor->pixels && cursor->generation != listener->cursor_generation)
		listener->new_cursor = true;
	listener->new_place = true;
	listener_pump(listener);
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
	DBusMessage *message = listener_new_call(DISPLAY_PROPERTIES, "Get");

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
	listener_drop_map(listener);
	free(listener);
}

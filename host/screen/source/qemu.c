/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connection says what consoles there are and how large they are, takes keys, pointers and
 * monitors, and a listener for each console while somebody watches.
 *
 * QEMU tells a listener of another surface only when all of it is drawn anew, which some devices
 * never do. So when a console's size is said to be another and no such picture comes, we listen
 * anew, and are sent one.
 *
 * The first picture may be an old one: a device that nobody listened to has not drawn for a while.
 * What it has to add comes within one of QEMU's refreshes.
 *
 * A console that is off shows a picture of QEMU's own, of the size that it had last. So whether a
 * head is on is what we have asked for: the first is from the start, the others are not.
 */
#include "host/screen/source/qemu.h"

#include "host/screen/bus_peer.h"
#include "host/screen/scancode.h"
#include "host/screen/source/qemu_listener.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <linux/input-event-codes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#define VM_PATH	     "/org/qemu/Display1/VM"
#define VM	     "org.qemu.Display1.VM"
#define CONSOLE	     "org.qemu.Display1.Console"
#define KEYBOARD     "org.qemu.Display1.Keyboard"
#define MOUSE	     "org.qemu.Display1.Mouse"
#define PROPERTIES   "org.freedesktop.DBus.Properties"
#define MAX_CONSOLES 64
#define TABLET_RANGE 32768U
#define RELISTEN_MS  40
#define SETTLE_MS    60
#define LINGER_MS    3000 /* to listen on when nobody watches: somebody may come back */

struct qemu;

struct qemu_console {
	struct qemu *qemu;
	unsigned int head;
	char path[64];
	bool is_on;
	uint32_t width, height;		    /* as QEMU says, whether it is on or not */
	uint32_t drawn_width, drawn_height; /* of what the listener was told */
	struct qemu_listener *listener;
	unsigned int registering; /* calls under way */
	bool settled;		  /* the listener has been told what is shown now */
};

struct qemu {
	struct source source;
	struct bus_peer *peer;
	uv_timer_t *linger, *relisten, *settle;
	bool watching, is_absolute, has_pointer;
	uint32_t x, y; /* where the pointer was last, for a relative mouse */
	unsigned int heads;
	struct qemu_console console[DESKTOP_MAX_HEADS];
	uint32_t ids[MAX_CONSOLES]; /* to be asked, one after the other */
	unsigned int id_count, id_at;
};

static struct qemu *qemu_of(const struct source *source)
{
	return CONTAINER_OF(source, struct qemu, source);
}

/* --- Calls ------------------------------------------------------------------------------------ */

/* What follows @reply: arguments as for dbus_message_append_args(). NULL: no reply is wanted. */
static void call(struct qemu *qemu, bus_peer_reply *reply, void *owner, const char *path,
		 const char *interface, const char *member, int first, ...)
{
	DBusMessage *message = dbus_message_new_method_call(NULL, path, interface, member);
	va_list arguments;
	bool made;
	int result = -ENOMEM;

	if (!message)
		return;
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
}

static bool is_error(DBusMessage *reply, const char *what)
{
	if (dbus_message_get_type(reply) != DBUS_MESSAGE_TYPE_ERROR)
		return false;
	log_debug("QEMU refuses %s: %s", what, dbus_message_get_error_name(reply));
	return true;
}

/* --- Sizes ------------------------------------------------------------------------------------ */

static void tell_size(struct qemu_console *console)
{
	bool is_on = console->is_on;

	screen_head_changed(console->qemu->source.screen, console->head, is_on ? console->width : 0,
			    is_on ? console->height : 0);
}

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

static bool on_shows(void *owner, uint32_t width, uint32_t height)
{
	struct qemu_console *console = owner;

	if (!console->settled)
		uv_timer_start(console->qemu->settle, on_settled, SETTLE_MS, 0);
	console->width = console->drawn_width = width;
	console->height = console->drawn_height = height;
	tell_size(console);
	return console->is_on && width > 0;
}

static void on_listener_closed(void *owner, int error)
{
	struct qemu_console *console = owner;

	if (error < 0)
		log_warning("QEMU's console %u: %s", console->head, error_text(error));
	qemu_listener_free(take_ptr(console->listener));
}

static const struct qemu_listener_handlers listener_handlers = {.shows = on_shows,
								.closed = on_listener_closed};

static void on_relisten(uv_timer_t *timer);

/* --- Properties ------------------------------------------------------------------------------- */

struct property {
	const char *name;
	union {
		uint32_t number;
		dbus_bool_t boolean;
		const char *text;
	} value;
	int type;
};

/* The next of a dictionary of variants that holds something simple. */
static bool next_property(DBusMessageIter *array, struct property *property)
{
	while (dbus_message_iter_get_arg_type(array) == DBUS_TYPE_DICT_ENTRY) {
		DBusMessageIter entry, value;

		dbus_message_iter_recurse(array, &entry);
		dbus_message_iter_get_basic(&entry, &property->name);
		dbus_message_iter_next(&entry);
		dbus_message_iter_recurse(&entry, &value);
		dbus_message_iter_next(array);
		property->type = dbus_message_iter_get_arg_type(&value);
		if (property->type != DBUS_TYPE_UINT32 && property->type != DBUS_TYPE_BOOLEAN &&
		    property->type != DBUS_TYPE_STRING)
			continue;
		dbus_message_iter_get_basic(&value, &property->value);
		return true;
	}
	return false;
}

static bool is_number(const struct property *property, const char *name)
{
	return property->type == DBUS_TYPE_UINT32 && strcmp(property->name, name) == 0;
}

static uint32_t leds_of(uint32_t modifiers)
{
	return (modifiers & 1 ? 1U << LED_SCROLLL : 0) | (modifiers & 2 ? 1U << LED_NUML : 0) |
	       (modifiers & 4 ? 1U << LED_CAPSL : 0);
}

/* @console may be NULL: of none that is a head. */
static void take_properties(struct qemu *qemu, struct qemu_console *console, const char *interface,
			    DBusMessageIter *array)
{
	struct property property;
	uint32_t width = console ? console->width : 0, height = console ? console->height : 0;

	while (next_property(array, &property)) {
		if (strcmp(interface, KEYBOARD) == 0 && is_number(&property, "Modifiers"))
			screen_set_leds(qemu->source.screen, leds_of(property.value.number));
		else if (strcmp(interface, MOUSE) == 0 && property.type == DBUS_TYPE_BOOLEAN &&
			 strcmp(property.name, "IsAbsolute") == 0)
			qemu->is_absolute = property.value.boolean;
		else if (strcmp(interface, CONSOLE) == 0 && is_number(&property, "Width"))
			width = property.value.number;
		else if (strcmp(interface, CONSOLE) == 0 && is_number(&property, "Height"))
			height = property.value.number;
	}
	if (!console || (width == console->width && height == console->height))
		return;
	console->width = MIN(width, QEMU_MAX_SIDE);
	console->height = MIN(height, QEMU_MAX_SIDE);
	/* While we listen, viewers are told when the pixels are there. */
	if (console->listener && qemu_listener_has_picture(console->listener))
		uv_timer_start(qemu->relisten, on_relisten, RELISTEN_MS, 0);
	else
		tell_size(console);
}

static struct qemu_console *find_console(struct qemu *qemu, const char *path)
{
	for (unsigned int i = 0; path && i < qemu->heads; i++) {
		if (strcmp(qemu->console[i].path, path) == 0)
			return &qemu->console[i];
	}
	return NULL;
}

static void on_properties_changed(struct qemu *qemu, DBusMessage *message)
{
	DBusMessageIter iter, array;
	const char *interface;

	if (!dbus_message_has_signature(message, "sa{sv}as"))
		return;
	dbus_message_iter_init(message, &iter);
	dbus_message_iter_get_basic(&iter, &interface);
	dbus_message_iter_next(&iter);
	dbus_message_iter_recurse(&iter, &array);
	take_properties(qemu, find_console(qemu, dbus_message_get_path(message)), interface,
			&array);
}

/* The dictionary of an answer to GetAll. */
static bool open_all(DBusMessage *reply, const char *what, DBusMessageIter *array)
{
	DBusMessageIter iter;

	if (is_error(reply, what) || !dbus_message_has_signature(reply, "a{sv}"))
		return false;
	dbus_message_iter_init(reply, &iter);
	dbus_message_iter_recurse(&iter, array);
	return true;
}

static void on_mouse_properties(void *owner, DBusMessage *reply)
{
	DBusMessageIter array;

	if (open_all(reply, "what its mouse is", &array))
		take_properties(owner, NULL, MOUSE, &array);
}

static void on_keyboard_properties(void *owner, DBusMessage *reply)
{
	DBusMessageIter array;

	if (open_all(reply, "what its keyboard is", &array))
		take_properties(owner, NULL, KEYBOARD, &array);
}

static void get_all(struct qemu *qemu, bus_peer_reply *reply, const char *path,
		    const char *interface)
{
	call(qemu, reply, qemu, path, PROPERTIES, "GetAll", DBUS_TYPE_STRING, &interface,
	     DBUS_TYPE_INVALID);
}

/* --- Listening -------------------------------------------------------------------------------- */

static void on_registered(void *owner, DBusMessage *reply)
{
	struct qemu_console *console = owner;

	console->registering--;
	/* Of one that was given up meanwhile, perhaps: only the last counts. */
	if (is_error(reply, "to be listened to") && console->registering == 0)
		qemu_listener_free(take_ptr(console->listener));
}

static int register_listener(struct qemu_console *console, int fd)
{
	DBusMessage *message =
		dbus_message_new_method_call(NULL, console->path, CONSOLE, "RegisterListener");
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

static void listen_to_all(struct qemu *qemu)
{
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
		    (console->width == console->drawn_width &&
		     console->height == console->drawn_height))
			continue;
		qemu_listener_free(take_ptr(console->listener));
		if (qemu->watching)
			listen_to(console);
		else
			tell_size(console);
	}
}

static void qemu_watch(struct source *source, bool watching)
{
	struct qemu *qemu = qemu_of(source);

	qemu->watching = watching;
	if (!watching) {
		uv_timer_start(qemu->linger, on_lingered, LINGER_MS, 0);
		return;
	}
	uv_timer_stop(qemu->linger);
	listen_to_all(qemu);
}

static bool qemu_is_current(const struct source *source)
{
	const struct qemu *qemu = qemu_of(source);

	for (unsigned int i = 0; i < qemu->heads; i++) {
		const struct qemu_console *console = &qemu->console[i];

		if (console->is_on && !(console->listener && console->settled))
			return false;
	}
	return qemu->heads > 0;
}

/* --- Consoles --------------------------------------------------------------------------------- */

static void ask_next_console(struct qemu *qemu);

static void add_console(struct qemu *qemu, const char *path, uint32_t width, uint32_t height)
{
	struct qemu_console *console = &qemu->console[qemu->heads];

	*console = (struct qemu_console){
		.qemu = qemu,
		.head = qemu->heads,
		.is_on = qemu->heads == 0,
		.width = MIN(width, QEMU_MAX_SIDE),
		.height = MIN(height, QEMU_MAX_SIDE),
	};
	snprintf(console->path, sizeof(console->path), "%s", path);
	qemu->heads++;
	tell_size(console);
	if (console->head == 0) {
		get_all(qemu, on_mouse_properties, console->path, MOUSE);
		get_all(qemu, on_keyboard_properties, console->path, KEYBOARD);
	}
	if (qemu->watching)
		listen_to_all(qemu);
}

static void console_path(const struct qemu *qemu, char path[64])
{
	snprintf(path, 64, "/org/qemu/Display1/Console_%u", qemu->ids[qemu->id_at]);
}

static void on_console(void *owner, DBusMessage *reply)
{
	struct qemu *qemu = owner;
	struct property property;
	DBusMessageIter array;
	uint32_t width = 0, height = 0;
	bool is_graphic = false;
	char path[64];

	console_path(qemu, path);
	if (open_all(reply, "what its console is", &array)) {
		while (next_property(&array, &property)) {
			if (is_number(&property, "Width"))
				width = property.value.number;
			else if (is_number(&property, "Height"))
				height = property.value.number;
			else if (strcmp(property.name, "Type") == 0 &&
				 property.type == DBUS_TYPE_STRING)
				is_graphic = strcmp(property.value.text, "Graphic") == 0;
		}
	}
	if (is_graphic && qemu->heads < DESKTOP_MAX_HEADS)
		add_console(qemu, path, width, height);
	qemu->id_at++;
	ask_next_console(qemu);
}

static void ask_next_console(struct qemu *qemu)
{
	char path[64];

	if (qemu->id_at >= qemu->id_count) {
		if (qemu->heads == 0)
			log_warning("this QEMU has no graphic console");
		return;
	}
	console_path(qemu, path);
	get_all(qemu, on_console, path, CONSOLE);
}

static void on_console_ids(void *owner, DBusMessage *reply)
{
	struct qemu *qemu = owner;
	DBusMessageIter iter, value, array;

	if (is_error(reply, "the list of its consoles") || !dbus_message_has_signature(reply, "v"))
		return;
	dbus_message_iter_init(reply, &iter);
	dbus_message_iter_recurse(&iter, &value);
	if (dbus_message_iter_get_arg_type(&value) != DBUS_TYPE_ARRAY ||
	    dbus_message_iter_get_element_type(&value) != DBUS_TYPE_UINT32)
		return;
	dbus_message_iter_recurse(&value, &array);
	while (dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_UINT32 &&
	       qemu->id_count < MAX_CONSOLES) {
		dbus_message_iter_get_basic(&array, &qemu->ids[qemu->id_count++]);
		dbus_message_iter_next(&array);
	}
	ask_next_console(qemu);
}

/* --- Input ------------------------------------------------------------------------------------ */

static void qemu_key(struct source *source, uint32_t code, bool down)
{
	struct qemu *qemu = qemu_of(source);
	uint32_t scancode = scancode_of_evdev(code);

	if (qemu->heads == 0 || scancode == 0)
		return;
	call(qemu, NULL, NULL, qemu->console[0].path, KEYBOARD, down ? "Press" : "Release",
	     DBUS_TYPE_UINT32, &scancode, DBUS_TYPE_INVALID);
}

static void move(struct qemu *qemu, int32_t dx, int32_t dy)
{
	if (qemu->heads == 0)
		return;
	call(qemu, NULL, NULL, qemu->console[0].path, MOUSE, "RelMotion", DBUS_TYPE_INT32, &dx,
	     DBUS_TYPE_INT32, &dy, DBUS_TYPE_INVALID);
}

static unsigned int heads_on(const struct qemu *qemu)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < qemu->heads; i++)
		count += qemu->console[i].is_on;
	return count;
}

/* QEMU makes 0 to 32767 of a place on a console; the guest has one tablet for its whole desktop. */
static void qemu_pointer(struct source *source, uint32_t x, uint32_t y, unsigned int head,
			 const struct rectangle *at)
{
	struct qemu *qemu = qemu_of(source);
	const struct qemu_console *console;
	uint32_t on_x = at->x, on_y = at->y;

	if (head >= qemu->heads)
		return;
	console = &qemu->console[head];
	if (!qemu->is_absolute) {
		uint32_t from_x = x * at->width / TABLET_RANGE;
		uint32_t from_y = y * at->height / TABLET_RANGE;

		if (qemu->has_pointer)
			move(qemu, (int32_t)(from_x - qemu->x), (int32_t)(from_y - qemu->y));
		qemu->x = from_x;
		qemu->y = from_y;
		qemu->has_pointer = true;
		return;
	}
	if (heads_on(qemu) > 1) {
		on_x = x * console->width / TABLET_RANGE;
		on_y = y * console->height / TABLET_RANGE;
	}
	if (on_x >= console->width || on_y >= console->height)
		return;
	call(qemu, NULL, NULL, console->path, MOUSE, "SetAbsPosition", DBUS_TYPE_UINT32, &on_x,
	     DBUS_TYPE_UINT32, &on_y, DBUS_TYPE_INVALID);
}

static void qemu_motion(struct source *source, int32_t dx, int32_t dy)
{
	move(qemu_of(source), dx, dy);
}

enum qemu_button {
	BUTTON_LEFT,
	BUTTON_MIDDLE,
	BUTTON_RIGHT,
	BUTTON_WHEEL_UP,
	BUTTON_WHEEL_DOWN,
	BUTTON_SIDE,
	BUTTON_EXTRA,
	BUTTON_WHEEL_LEFT,
	BUTTON_WHEEL_RIGHT,
};

static void press(struct qemu *qemu, uint32_t button, bool down)
{
	if (qemu->heads == 0)
		return;
	call(qemu, NULL, NULL, qemu->console[0].path, MOUSE, down ? "Press" : "Release",
	     DBUS_TYPE_UINT32, &button, DBUS_TYPE_INVALID);
}

static void qemu_button(struct source *source, uint32_t code, bool down)
{
	static const struct {
		uint32_t code;
		enum qemu_button button;
	} known[] = {
		{BTN_LEFT, BUTTON_LEFT}, {BTN_MIDDLE, BUTTON_MIDDLE}, {BTN_RIGHT, BUTTON_RIGHT},
		{BTN_SIDE, BUTTON_SIDE}, {BTN_EXTRA, BUTTON_EXTRA},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].code == code)
			press(qemu_of(source), known[i].button, down);
	}
}

static void click(struct qemu *qemu, int32_t times, uint32_t button)
{
	for (int32_t i = 0; i < MIN(times, 100); i++) {
		press(qemu, button, true);
		press(qemu, button, false);
	}
}

static void qemu_wheel(struct source *source, int32_t dx, int32_t dy)
{
	struct qemu *qemu = qemu_of(source);

	click(qemu, dy, BUTTON_WHEEL_UP);
	click(qemu, -dy, BUTTON_WHEEL_DOWN);
	click(qemu, dx, BUTTON_WHEEL_RIGHT);
	click(qemu, -dx, BUTTON_WHEEL_LEFT);
}

/* --- Monitors --------------------------------------------------------------------------------- */

static void on_mode_set(void *owner, DBusMessage *reply)
{
	(void)owner;
	(void)is_error(reply, "another size");
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
	call(qemu, on_mode_set, qemu, qemu->console[head].path, CONSOLE, "SetUIInfo",
	     DBUS_TYPE_UINT16, &wide, DBUS_TYPE_UINT16, &high, DBUS_TYPE_INT32, &x, DBUS_TYPE_INT32,
	     &y, DBUS_TYPE_UINT32, &width, DBUS_TYPE_UINT32, &height, DBUS_TYPE_INVALID);
	if (qemu->console[head].is_on == enabled)
		return;
	qemu->console[head].is_on = enabled;
	tell_size(&qemu->console[head]);
	if (qemu->watching)
		listen_to_all(qemu);
}

/* --- Its life --------------------------------------------------------------------------------- */

static void on_ready(void *owner)
{
	const char *interface = VM, *name = "ConsoleIDs";

	call(owner, on_console_ids, owner, VM_PATH, PROPERTIES, "Get", DBUS_TYPE_STRING, &interface,
	     DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
}

static void on_message(void *owner, DBusMessage *message, int *fds, size_t count)
{
	struct qemu *qemu = owner;
	DBusMessage *reply;

	(void)fds;
	(void)count;
	if (dbus_message_is_signal(message, PROPERTIES, "PropertiesChanged"))
		on_properties_changed(qemu, message);
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
	.watch = qemu_watch,
	.is_current = qemu_is_current,
	.set_mode = qemu_set_mode,
	.key = qemu_key,
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

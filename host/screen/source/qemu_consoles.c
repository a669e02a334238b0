/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QEMU's consoles, and what they say of themselves.
 *
 * A console that is off shows a picture of QEMU's own, of the size that it had last. So whether a
 * head is on is what we have asked for: the first is from the start, the others are not. Whether
 * the guest has it on, too, only its session can tell (resize_phases.c).
 */
#include "host/screen/source/leds.h"
#include "host/screen/source/qemu_internal.h"
#include "protocol/base/log.h"

#include <stdio.h>

#define VM_PATH "/org/qemu/Display1/VM"
#define VM	"org.qemu.Display1.VM"

void qemu_tell_size(struct qemu_console *console)
{
	bool is_on = console->is_on;

	screen_head_changed(console->qemu->source.screen, console->head, is_on ? console->width : 0,
			    is_on ? console->height : 0);
}

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

/* @console may be NULL: of none that is a head. */
static void take_properties(struct qemu *qemu, struct qemu_console *console, const char *interface,
			    DBusMessageIter *array)
{
	struct property property;
	uint32_t width = console ? console->told_width : 0;
	uint32_t height = console ? console->told_height : 0;

	while (next_property(array, &property)) {
		if (strcmp(interface, QEMU_KEYBOARD) == 0 && is_number(&property, "Modifiers"))
			screen_set_leds(qemu->source.screen, leds_of_qemu(property.value.number));
		else if (strcmp(interface, QEMU_MOUSE) == 0 && property.type == DBUS_TYPE_BOOLEAN &&
			 strcmp(property.name, "IsAbsolute") == 0)
			qemu->is_absolute = property.value.boolean;
		else if (strcmp(interface, QEMU_CONSOLE) == 0 && is_number(&property, "Width"))
			width = property.value.number;
		else if (strcmp(interface, QEMU_CONSOLE) == 0 && is_number(&property, "Height"))
			height = property.value.number;
	}
	width = MIN(width, QEMU_MAX_SIDE);
	height = MIN(height, QEMU_MAX_SIDE);
	if (!console || (width == console->told_width && height == console->told_height))
		return;
	console->told_width = width;
	console->told_height = height;
	console->doubted = false;
	if (width == console->width && height == console->height)
		return;
	console->width = width;
	console->height = height;
	/* While we listen, viewers are told when the pixels are there. */
	if (console->listener && qemu_listener_has_picture(console->listener))
		qemu_size_differs(qemu);
	else
		qemu_tell_size(console);
}

static struct qemu_console *find_console(struct qemu *qemu, const char *path)
{
	for (unsigned int i = 0; path && i < qemu->heads; i++) {
		if (strcmp(qemu->console[i].path, path) == 0)
			return &qemu->console[i];
	}
	return NULL;
}

void qemu_properties_changed(struct qemu *qemu, DBusMessage *message)
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

	if (qemu_refused(reply, what) || !dbus_message_has_signature(reply, "a{sv}"))
		return false;
	dbus_message_iter_init(reply, &iter);
	dbus_message_iter_recurse(&iter, array);
	return true;
}

static void on_mouse_properties(void *owner, DBusMessage *reply)
{
	DBusMessageIter array;

	if (open_all(reply, "what its mouse is", &array))
		take_properties(owner, NULL, QEMU_MOUSE, &array);
}

static void on_keyboard_properties(void *owner, DBusMessage *reply)
{
	DBusMessageIter array;

	if (open_all(reply, "what its keyboard is", &array))
		take_properties(owner, NULL, QEMU_KEYBOARD, &array);
}

static void get_all(struct qemu *qemu, bus_peer_reply *reply, const char *path,
		    const char *interface)
{
	qemu_call(qemu, reply, qemu, path, BUS_PROPERTIES, "GetAll", DBUS_TYPE_STRING, &interface,
		  DBUS_TYPE_INVALID);
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
		.told_width = MIN(width, QEMU_MAX_SIDE),
		.told_height = MIN(height, QEMU_MAX_SIDE),
	};
	console->width = console->told_width;
	console->height = console->told_height;
	snprintf(console->path, sizeof(console->path), "%s", path);
	qemu->heads++;
	qemu_tell_size(console);
	if (console->head == 0) {
		get_all(qemu, on_mouse_properties, console->path, QEMU_MOUSE);
		get_all(qemu, on_keyboard_properties, console->path, QEMU_KEYBOARD);
	}
	qemu_listen(qemu);
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
		qemu->source.heads = qemu->heads;
		screen_source_ready(qemu->source.screen);
		return;
	}
	console_path(qemu, path);
	get_all(qemu, on_console, path, QEMU_CONSOLE);
}

static void on_console_ids(void *owner, DBusMessage *reply)
{
	struct qemu *qemu = owner;
	DBusMessageIter iter, value, array;

	if (qemu_refused(reply, "the list of its consoles") ||
	    !dbus_message_has_signature(reply, "v"))
		return;
	dbus_message_iter_init(reply, &iter);
	dbus_message_iter_recurse(&iter, &value);
	if (dbus_message_iter_get_arg_type(&value) != DBUS_TYPE_ARRAY ||
	    dbus_message_iter_get_element_type(&value) != DBUS_TYPE_UINT32)
		return;
	dbus_message_iter_recurse(&value, &array);
	while (dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_UINT32 &&
	       qemu->id_count < QEMU_MAX_CONSOLES) {
		dbus_message_iter_get_basic(&array, &qemu->ids[qemu->id_count++]);
		dbus_message_iter_next(&array);
	}
	ask_next_console(qemu);
}

static void on_uuid(void *owner, DBusMessage *reply)
{
	struct qemu *qemu = owner;
	DBusMessageIter iter, value;
	const char *uuid;

	if (qemu_refused(reply, "its UUID") || !dbus_message_has_signature(reply, "v"))
		return;
	dbus_message_iter_init(reply, &iter);
	dbus_message_iter_recurse(&iter, &value);
	if (dbus_message_iter_get_arg_type(&value) != DBUS_TYPE_STRING)
		return;
	dbus_message_iter_get_basic(&value, &uuid);
	screen_set_uuid(qemu->source.screen, uuid);
}

static void get(struct qemu *qemu, bus_peer_reply *reply, const char *name)
{
	const char *interface = VM;

	qemu_call(qemu, reply, qemu, VM_PATH, BUS_PROPERTIES, "Get", DBUS_TYPE_STRING, &interface,
		  DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
}

void qemu_ask_consoles(struct qemu *qemu)
{
	get(qemu, on_uuid, "UUID");
	get(qemu, on_console_ids, "ConsoleIDs");
}

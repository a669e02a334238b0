/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which object a call is for, and which method. */
#include "host/screen/dbus/internal.h"

#include "protocol/base/bytes.h"
#include "protocol/base/parse.h"

#include <stdio.h>

static const struct display_interface *const vm_interfaces[] = {&display_vm, NULL};
static const struct display_interface *const console_interfaces[] = {
	&display_console, &display_keyboard, &display_mouse, NULL};
static const struct display_interface *const clipboard_interfaces[] = {&display_clipboard, NULL};
static const struct display_interface *const no_interfaces[] = {NULL};

const struct display_interface *const *display_interfaces(enum display_object object)
{
	switch (object) {
	case OBJECT_VM:
		return vm_interfaces;
	case OBJECT_CONSOLE:
		return console_interfaces;
	case OBJECT_CLIPBOARD:
		return clipboard_interfaces;
	default:
		return no_interfaces;
	}
}

void display_console_path(unsigned int head, char path[DISPLAY_PATH_SIZE])
{
	snprintf(path, DISPLAY_PATH_SIZE, "%s%u", DISPLAY_CONSOLE, head);
}

static enum display_object find_object(const struct dbus_viewer *viewer, const char *path,
				       unsigned int *head)
{
	static const char *const parents[] = {"/", "/org", "/org/qemu"};
	uint64_t number;

	for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
		if (strcmp(path, parents[i]) == 0)
			return OBJECT_PARENT;
	}
	if (strcmp(path, DISPLAY_ROOT) == 0)
		return OBJECT_ROOT;
	if (strcmp(path, DISPLAY_VM) == 0)
		return OBJECT_VM;
	if (strcmp(path, DISPLAY_CLIPBOARD) == 0)
		return OBJECT_CLIPBOARD;
	if (strncmp(path, DISPLAY_CONSOLE, strlen(DISPLAY_CONSOLE)) != 0 ||
	    parse_u64(path + strlen(DISPLAY_CONSOLE), 0, display_consoles(viewer) - 1, &number) < 0)
		return OBJECT_NONE;
	*head = (unsigned int)number;
	return OBJECT_CONSOLE;
}

/* --- Answers ---------------------------------------------------------------------------------- */

DBusMessage *display_answer(const struct display_call *call)
{
	return dbus_message_new_method_return(call->message);
}

void display_send(const struct display_call *call, DBusMessage *answer)
{
	if (!answer)
		return;
	if (!dbus_message_get_no_reply(call->message))
		bus_peer_send(call->viewer->peer, answer, -1);
	dbus_message_unref(answer);
}

void display_done(const struct display_call *call)
{
	display_send(call, display_answer(call));
}

void display_refuse(const struct display_call *call, const char *error, const char *text)
{
	display_send(call, dbus_message_new_error(call->message, error, text));
}

bool display_put_strings(DBusMessageIter *value, const char *const *strings, size_t count)
{
	DBusMessageIter array;
	bool good = dbus_message_iter_open_container(value, DBUS_TYPE_ARRAY, "s", &array);

	for (size_t i = 0; good && i < count; i++)
		good = dbus_message_iter_append_basic(&array, DBUS_TYPE_STRING, &strings[i]);
	return good && dbus_message_iter_close_container(value, &array);
}

/* --- Calls ------------------------------------------------------------------------------------ */

/* The interface may be left out, where the method's name says enough. */
static const struct display_method *find_method(enum display_object object,
						const char *interface_name, const char *member)
{
	for (const struct display_interface *const *interface = display_interfaces(object);
	     *interface; interface++) {
		if (interface_name && strcmp((*interface)->name, interface_name) != 0)
			continue;
		for (const struct display_method *method = (*interface)->methods; method->name;
		     method++) {
			if (strcmp(method->name, member) == 0)
				return method;
		}
	}
	return NULL;
}

/* true: it was one of these, and is answered. */
static bool standard(struct display_call *call, enum display_object object)
{
	DBusMessage *message = call->message;

	if (dbus_message_is_method_call(message, DBUS_INTERFACE_INTROSPECTABLE, "Introspect"))
		display_introspect(call, object);
	else if (dbus_message_is_method_call(message, DBUS_INTERFACE_PEER, "Ping"))
		display_done(call);
	else if (dbus_message_has_interface(message, DISPLAY_PROPERTIES))
		display_properties(call, object);
	else if (object == OBJECT_ROOT &&
		 dbus_message_is_method_call(message, "org.freedesktop.DBus.ObjectManager",
					     "GetManagedObjects"))
		display_managed_objects(call);
	else
		return false;
	return true;
}

void display_dispatch(struct display_call *call)
{
	const char *path = dbus_message_get_path(call->message);
	const char *interface = dbus_message_get_interface(call->message);
	enum display_object object = find_object(call->viewer, path, &call->head);
	const struct display_method *method;

	if (object == OBJECT_NONE) {
		display_refuse(call, DBUS_ERROR_UNKNOWN_OBJECT, "there is no such object");
		return;
	}
	if (standard(call, object))
		return;
	method = find_method(object, interface, dbus_message_get_member(call->message));
	if (!method)
		display_refuse(call, DBUS_ERROR_UNKNOWN_METHOD, "there is no such method");
	else if (!dbus_message_has_signature(call->message, method->in))
		display_refuse(call, DBUS_ERROR_INVALID_ARGS, "these are not its arguments");
	else
		method->call(call);
}

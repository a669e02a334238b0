/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What can be read of objects: one property, all of an interface, everything at once, and the
 * signals that say what has changed.
 */
#include "host/screen/dbus/internal.h"

#include "protocol/base/bytes.h"

/* --- Properties ------------------------------------------------------------------------------- */

static bool put_variant(const struct dbus_viewer *viewer, unsigned int head,
			const struct display_property *property, DBusMessageIter *to)
{
	DBusMessageIter value;

	return dbus_message_iter_open_container(to, DBUS_TYPE_VARIANT, property->type, &value) &&
	       property->put(viewer, head, &value) && dbus_message_iter_close_container(to, &value);
}

/* One entry of a{sv}. */
static bool put_entry(const struct dbus_viewer *viewer, unsigned int head,
		      const struct display_property *property, DBusMessageIter *to)
{
	DBusMessageIter entry;

	return dbus_message_iter_open_container(to, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
	       dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &property->name) &&
	       put_variant(viewer, head, property, &entry) &&
	       dbus_message_iter_close_container(to, &entry);
}

/* All of them as a{sv}. */
static bool put_properties(const struct dbus_viewer *viewer, unsigned int head,
			   const struct display_interface *interface, DBusMessageIter *to)
{
	DBusMessageIter entries;
	bool good = dbus_message_iter_open_container(to, DBUS_TYPE_ARRAY, "{sv}", &entries);

	for (const struct display_property *property = interface->properties;
	     good && property->name; property++)
		good = put_entry(viewer, head, property, &entries);
	return good && dbus_message_iter_close_container(to, &entries);
}

static const struct display_interface *find_interface(enum display_object object, const char *name)
{
	const struct display_interface *const *interface = display_interfaces(object);

	while (*interface && strcmp((*interface)->name, name) != 0)
		interface++;
	return *interface;
}

static const struct display_property *find_property(const struct display_interface *interface,
						    const char *name)
{
	const struct display_property *property = interface->properties;

	while (property->name && strcmp(property->name, name) != 0)
		property++;
	return property->name ? property : NULL;
}

static void send_if(const struct display_call *call, DBusMessage *answer, bool good)
{
	if (good)
		display_send(call, answer);
	else if (answer)
		dbus_message_unref(answer);
}

static void get(struct display_call *call, enum display_object object, const char *interface_name,
		const char *name)
{
	const struct display_interface *interface = find_interface(object, interface_name);
	const struct display_property *property = interface ? find_property(interface, name) : NULL;
	DBusMessage *answer;
	DBusMessageIter to;

	if (!property) {
		display_refuse(call, DBUS_ERROR_UNKNOWN_PROPERTY, "there is no such property");
		return;
	}
	answer = display_answer(call);
	if (!answer)
		return;
	dbus_message_iter_init_append(answer, &to);
	send_if(call, answer, put_variant(call->viewer, call->head, property, &to));
}

static void get_all(struct display_call *call, enum display_object object,
		    const char *interface_name)
{
	const struct display_interface *interface = find_interface(object, interface_name);
	DBusMessage *answer;
	DBusMessageIter to;

	if (!interface) {
		display_refuse(call, DBUS_ERROR_UNKNOWN_INTERFACE, "there is no such interface");
		return;
	}
	answer = display_answer(call);
	if (!answer)
		return;
	dbus_message_iter_init_append(answer, &to);
	send_if(call, answer, put_properties(call->viewer, call->head, interface, &to));
}

void display_properties(struct display_call *call, enum display_object object)
{
	const char *member = dbus_message_get_member(call->message);
	const char *interface = "", *name = "";

	if (strcmp(member, "Get") == 0 && dbus_message_has_signature(call->message, "ss")) {
		dbus_message_get_args(call->message, NULL, DBUS_TYPE_STRING, &interface,
				      DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
		get(call, object, interface, name);
	} else if (strcmp(member, "GetAll") == 0 &&
		   dbus_message_has_signature(call->message, "s")) {
		dbus_message_get_args(call->message, NULL, DBUS_TYPE_STRING, &interface,
				      DBUS_TYPE_INVALID);
		get_all(call, object, interface);
	} else if (strcmp(member, "Set") == 0) {
		display_refuse(call, DBUS_ERROR_PROPERTY_READ_ONLY, "this cannot be set");
	} else {
		display_refuse(call, DBUS_ERROR_UNKNOWN_METHOD, "there is no such method");
	}
}

/* Signals are for those who read: what is missed can be asked for. */
static void send_signal(struct dbus_viewer *viewer, DBusMessage *signal, bool good)
{
	if (good && bus_peer_queued(viewer->peer) < DISPLAY_MAX_UNANSWERED / 4)
		bus_peer_send(viewer->peer, signal, -1);
	if (signal)
		dbus_message_unref(signal);
}

void display_changed(struct dbus_viewer *viewer, const char *path, unsigned int head,
		     const struct display_interface *interface, const char *name)
{
	const struct display_property *property = find_property(interface, name);
	DBusMessageIter to, changed;
	DBusMessage *signal;
	bool good;

	if (!viewer->ready || !property)
		return;
	signal = dbus_message_new_signal(path, DISPLAY_PROPERTIES, "PropertiesChanged");
	if (!signal)
		return;
	dbus_message_iter_init_append(signal, &to);
	good = dbus_message_iter_append_basic(&to, DBUS_TYPE_STRING, &interface->name) &&
	       dbus_message_iter_open_container(&to, DBUS_TYPE_ARRAY, "{sv}", &changed) &&
	       put_entry(viewer, head, property, &changed) &&
	       dbus_message_iter_close_container(&to, &changed) &&
	       display_put_strings(&to, NULL, 0);
	send_signal(viewer, signal, good);
}

/* --- All objects ------------------------------------------------------------------------------ */

/* a{sa{sv}} of one object. */
static bool put_interfaces(const struct dbus_viewer *viewer, enum display_object object,
			   unsigned int head, DBusMessageIter *to)
{
	DBusMessageIter entries, entry;
	bool good = dbus_message_iter_open_container(to, DBUS_TYPE_ARRAY, "{sa{sv}}", &entries);

	for (const struct display_interface *const *interface = display_interfaces(object);
	     good && *interface; interface++)
		good = dbus_message_iter_open_container(&entries, DBUS_TYPE_DICT_ENTRY, NULL,
							&entry) &&
		       dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING,
						      &(*interface)->name) &&
		       put_properties(viewer, head, *interface, &entry) &&
		       dbus_message_iter_close_container(&entries, &entry);
	return good && dbus_message_iter_close_container(to, &entries);
}

static bool put_object(const struct dbus_viewer *viewer, const char *path,
		       enum display_object object, unsigned int head, DBusMessageIter *to)
{
	DBusMessageIter entry;

	return dbus_message_iter_open_container(to, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
	       dbus_message_iter_append_basic(&entry, DBUS_TYPE_OBJECT_PATH, &path) &&
	       put_interfaces(viewer, object, head, &entry) &&
	       dbus_message_iter_close_container(to, &entry);
}

void display_managed_objects(struct display_call *call)
{
	const struct dbus_viewer *viewer = call->viewer;
	DBusMessage *answer = display_answer(call);
	DBusMessageIter to, objects;
	char path[DISPLAY_PATH_SIZE];
	bool good;

	if (!answer)
		return;
	dbus_message_iter_init_append(answer, &to);
	good = dbus_message_iter_open_container(&to, DBUS_TYPE_ARRAY, "{oa{sa{sv}}}", &objects) &&
	       put_object(viewer, DISPLAY_VM, OBJECT_VM, 0, &objects) &&
	       put_object(viewer, DISPLAY_CLIPBOARD, OBJECT_CLIPBOARD, 0, &objects);
	for (unsigned int i = 0; good && i < display_consoles(viewer); i++) {
		display_console_path(i, path);
		good = put_object(viewer, path, OBJECT_CONSOLE, i, &objects);
	}
	send_if(call, answer, good && dbus_message_iter_close_container(&to, &objects));
}

static void tell_added(struct dbus_viewer *viewer, unsigned int head)
{
	DBusMessage *signal = dbus_message_new_signal(
		DISPLAY_ROOT, "org.freedesktop.DBus.ObjectManager", "InterfacesAdded");
	char path[DISPLAY_PATH_SIZE];
	const char *name = path;
	DBusMessageIter to;

	if (!signal)
		return;
	display_console_path(head, path);
	dbus_message_iter_init_append(signal, &to);
	send_signal(viewer, signal,
		    dbus_message_iter_append_basic(&to, DBUS_TYPE_OBJECT_PATH, &name) &&
			    put_interfaces(viewer, OBJECT_CONSOLE, head, &to));
}

static void tell_removed(struct dbus_viewer *viewer, unsigned int head)
{
	const char *const names[] = {display_console.name, display_keyboard.name,
				     display_mouse.name};
	DBusMessage *signal = dbus_message_new_signal(
		DISPLAY_ROOT, "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved");
	char path[DISPLAY_PATH_SIZE];
	const char *name = path;
	DBusMessageIter to;

	if (!signal)
		return;
	display_console_path(head, path);
	dbus_message_iter_init_append(signal, &to);
	send_signal(viewer, signal,
		    dbus_message_iter_append_basic(&to, DBUS_TYPE_OBJECT_PATH, &name) &&
			    display_put_strings(&to, names, ARRAY_SIZE(names)));
}

void display_consoles_changed(struct dbus_viewer *viewer, unsigned int before, unsigned int now)
{
	if (!viewer->ready || before == 0) /* it has not asked yet */
		return;
	for (unsigned int i = before; i < now; i++)
		tell_added(viewer, i);
	for (unsigned int i = now; i < before; i++)
		tell_removed(viewer, i);
	display_changed(viewer, DISPLAY_VM, 0, &display_vm, "ConsoleIDs");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which object a call is for, and the standard interfaces, which follow from the tables of the
 * others: introspection, properties, the list of all objects.
 */
#include "host/screen/dbus/internal.h"

#include "protocol/base/bytes.h"
#include "protocol/base/parse.h"

#include <stdarg.h>
#include <stdio.h>

#define MAX_XML 8192

enum object {
	OBJECT_NONE,
	OBJECT_PARENT, /* has others below it, and nothing else */
	OBJECT_ROOT,
	OBJECT_VM,
	OBJECT_CONSOLE,
	OBJECT_CLIPBOARD,
};

static const struct display_interface *const vm_interfaces[] = {&display_vm, NULL};
static const struct display_interface *const console_interfaces[] = {
	&display_console, &display_keyboard, &display_mouse, NULL};
static const struct display_interface *const clipboard_interfaces[] = {&display_clipboard, NULL};
static const struct display_interface *const no_interfaces[] = {NULL};

static const struct display_interface *const *interfaces_of(enum object object)
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

static enum object find_object(const struct dbus_viewer *viewer, const char *path,
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

/* --- Introspection ---------------------------------------------------------------------------- */

struct text {
	char bytes[MAX_XML];
	size_t length;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *text, const char *format, ...)
{
	size_t room = sizeof(text->bytes) - text->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text->bytes + text->length, room, format, arguments);
	va_end(arguments);
	text->length += MIN((size_t)MAX(length, 0), room - 1);
}

/* Each complete type of @signature, with the next of @names. */
static const char *add_arguments(struct text *text, const char *signature, const char *names,
				 const char *direction)
{
	DBusSignatureIter types;

	if (!*signature)
		return names;
	dbus_signature_iter_init(&types, signature);
	do {
		char *type = dbus_signature_iter_get_signature(&types);
		size_t length = strcspn(names, " ");

		add(text, "   <arg type=\"%s\" name=\"%.*s\" direction=\"%s\"/>\n",
		    type ? type : "", (int)length, names, direction);
		dbus_free(type);
		names += length + (names[length] == ' ');
	} while (dbus_signature_iter_next(&types));
	return names;
}

static void add_interface(struct text *text, const struct display_interface *interface)
{
	add(text, " <interface name=\"%s\">\n", interface->name);
	for (const struct display_method *method = interface->methods; method->name; method++) {
		const char *names;

		add(text, "  <method name=\"%s\">\n", method->name);
		names = add_arguments(text, method->in, method->names, "in");
		add_arguments(text, method->out, names, "out");
		add(text, "  </method>\n");
	}
	for (const struct display_property *property = interface->properties; property->name;
	     property++)
		add(text, "  <property name=\"%s\" type=\"%s\" access=\"read\"/>\n", property->name,
		    property->type);
	add(text, " </interface>\n");
}

static void add_standard(struct text *text, enum object object)
{
	add(text, " <interface name=\"org.freedesktop.DBus.Introspectable\">\n"
		  "  <method name=\"Introspect\">\n"
		  "   <arg type=\"s\" name=\"xml\" direction=\"out\"/>\n"
		  "  </method>\n </interface>\n"
		  " <interface name=\"org.freedesktop.DBus.Peer\">\n"
		  "  <method name=\"Ping\"/>\n </interface>\n");
	if (object == OBJECT_ROOT)
		add(text,
		    " <interface name=\"org.freedesktop.DBus.ObjectManager\">\n"
		    "  <method name=\"GetManagedObjects\">\n"
		    "   <arg type=\"a{oa{sa{sv}}}\" name=\"objects\" direction=\"out\"/>\n"
		    "  </method>\n"
		    "  <signal name=\"InterfacesAdded\">\n"
		    "   <arg type=\"o\" name=\"path\"/>\n"
		    "   <arg type=\"a{sa{sv}}\" name=\"interfaces\"/>\n  </signal>\n"
		    "  <signal name=\"InterfacesRemoved\">\n"
		    "   <arg type=\"o\" name=\"path\"/>\n"
		    "   <arg type=\"as\" name=\"interfaces\"/>\n  </signal>\n </interface>\n");
	if (interfaces_of(object)[0])
		add(text, " <interface name=\"" DISPLAY_PROPERTIES "\">\n"
			  "  <method name=\"Get\">\n"
			  "   <arg type=\"s\" name=\"interface\" direction=\"in\"/>\n"
			  "   <arg type=\"s\" name=\"property\" direction=\"in\"/>\n"
			  "   <arg type=\"v\" name=\"value\" direction=\"out\"/>\n  </method>\n"
			  "  <method name=\"GetAll\">\n"
			  "   <arg type=\"s\" name=\"interface\" direction=\"in\"/>\n"
			  "   <arg type=\"a{sv}\" name=\"values\" direction=\"out\"/>\n"
			  "  </method>\n"
			  "  <signal name=\"PropertiesChanged\">\n"
			  "   <arg type=\"s\" name=\"interface\"/>\n"
			  "   <arg type=\"a{sv}\" name=\"changed\"/>\n"
			  "   <arg type=\"as\" name=\"invalidated\"/>\n  </signal>\n"
			  " </interface>\n");
}

/* What is right below @path. */
static void add_children(struct text *text, const struct dbus_viewer *viewer, const char *path,
			 enum object object)
{
	size_t length = strlen(path);

	if (object == OBJECT_PARENT) {
		const char *below = &DISPLAY_ROOT[length == 1 ? 1 : length + 1];

		add(text, " <node name=\"%.*s\"/>\n", (int)strcspn(below, "/"), below);
	} else if (object == OBJECT_ROOT) {
		add(text, " <node name=\"VM\"/>\n <node name=\"Clipboard\"/>\n");
		for (unsigned int i = 0; i < display_consoles(viewer); i++)
			add(text, " <node name=\"Console_%u\"/>\n", i);
	}
}

static void introspect(struct display_call *call, enum object object)
{
	const struct display_interface *const *interfaces = interfaces_of(object);
	DBusMessage *answer = display_answer(call);
	struct text text = {.length = 0};
	const char *bytes = text.bytes;

	add(&text, "%s<node>\n", DBUS_INTROSPECT_1_0_XML_DOCTYPE_DECL_NODE);
	add_standard(&text, object);
	for (; *interfaces; interfaces++)
		add_interface(&text, *interfaces);
	add_children(&text, call->viewer, dbus_message_get_path(call->message), object);
	add(&text, "</node>\n");
	if (answer &&
	    dbus_message_append_args(answer, DBUS_TYPE_STRING, &bytes, DBUS_TYPE_INVALID)) {
		display_send(call, answer);
	} else if (answer) {
		dbus_message_unref(answer);
	}
}

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

static const struct display_interface *find_interface(enum object object, const char *name)
{
	const struct display_interface *const *interface = interfaces_of(object);

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

static void get(struct display_call *call, enum object object, const char *interface_name,
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

static void get_all(struct display_call *call, enum object object, const char *interface_name)
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

static void properties(struct display_call *call, enum object object)
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
static bool put_interfaces(const struct dbus_viewer *viewer, enum object object, unsigned int head,
			   DBusMessageIter *to)
{
	DBusMessageIter entries, entry;
	bool good = dbus_message_iter_open_container(to, DBUS_TYPE_ARRAY, "{sa{sv}}", &entries);

	for (const struct display_interface *const *interface = interfaces_of(object);
	     good && *interface; interface++)
		good = dbus_message_iter_open_container(&entries, DBUS_TYPE_DICT_ENTRY, NULL,
							&entry) &&
		       dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING,
						      &(*interface)->name) &&
		       put_properties(viewer, head, *interface, &entry) &&
		       dbus_message_iter_close_container(&entries, &entry);
	return good && dbus_message_iter_close_container(to, &entries);
}

static bool put_object(const struct dbus_viewer *viewer, const char *path, enum object object,
		       unsigned int head, DBusMessageIter *to)
{
	DBusMessageIter entry;

	return dbus_message_iter_open_container(to, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
	       dbus_message_iter_append_basic(&entry, DBUS_TYPE_OBJECT_PATH, &path) &&
	       put_interfaces(viewer, object, head, &entry) &&
	       dbus_message_iter_close_container(to, &entry);
}

static void get_managed_objects(struct display_call *call)
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

/* --- Calls ------------------------------------------------------------------------------------ */

/* The interface may be left out, where the method's name says enough. */
static const struct display_method *find_method(enum object object, const char *interface_name,
						const char *member)
{
	for (const struct display_interface *const *interface = interfaces_of(object); *interface;
	     interface++) {
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
static bool standard(struct display_call *call, enum object object)
{
	DBusMessage *message = call->message;

	if (dbus_message_is_method_call(message, DBUS_INTERFACE_INTROSPECTABLE, "Introspect"))
		introspect(call, object);
	else if (dbus_message_is_method_call(message, DBUS_INTERFACE_PEER, "Ping"))
		display_done(call);
	else if (dbus_message_has_interface(message, DISPLAY_PROPERTIES))
		properties(call, object);
	else if (object == OBJECT_ROOT &&
		 dbus_message_is_method_call(message, "org.freedesktop.DBus.ObjectManager",
					     "GetManagedObjects"))
		get_managed_objects(call);
	else
		return false;
	return true;
}

void display_dispatch(struct display_call *call)
{
	const char *path = dbus_message_get_path(call->message);
	const char *interface = dbus_message_get_interface(call->message);
	enum object object = find_object(call->viewer, path, &call->head);
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

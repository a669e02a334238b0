/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.freedesktop.DBus.Introspectable: what there is, made of the tables that calls are found in.
 */
#include "host/screen/dbus/internal.h"

#include "protocol/base/bytes.h"

#include <stdarg.h>
#include <stdio.h>

#define MAX_XML 8192

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

static void add_standard(struct text *text, enum display_object object)
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
	if (display_interfaces(object)[0])
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
			 enum display_object object)
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

void display_introspect(struct display_call *call, enum display_object object)
{
	const struct display_interface *const *interfaces = display_interfaces(object);
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

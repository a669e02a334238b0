/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One table a D-Bus interface says what its methods, signals and properties are; introspection,
 * type checks and dispatch all read it.
 */
#include "host/daemon/bus/internal.h"

#include "host/daemon/lodged.h"
#include "protocol/base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Signatures: "s name a{sv} options" ----------------------------------------------------- */

/* Calls @each with each pair of type and name. */
static void each_argument(const char *arguments,
			  void (*each)(void *owner, const char *type, const char *name),
			  void *owner)
{
	char copy[256], *rest = copy, *type, *name;

	snprintf(copy, sizeof(copy), "%s", arguments);
	while ((type = strsep(&rest, " ")) != NULL && *type && (name = strsep(&rest, " ")) != NULL)
		each(owner, type, name);
}

static void add_type(void *owner, const char *type, const char *name)
{
	(void)name;
	strcat(owner, type);
}

static bool has_signature(DBusMessage *message, const char *arguments)
{
	char signature[256] = "";

	each_argument(arguments, add_type, signature);
	return dbus_message_has_signature(message, signature);
}

/* --- Introspection -------------------------------------------------------------------------- */

struct text {
	char *bytes;
	size_t length;
	const char *direction; /* of the arguments being written */
	FILE *file;
};

static void write_argument(void *owner, const char *type, const char *name)
{
	struct text *text = owner;

	fprintf(text->file, "      <arg name=\"%s\" type=\"%s\"%s/>\n", name, type,
		text->direction);
}

static void write_interface(struct text *text, const struct bus_interface *interface)
{
	fprintf(text->file, "  <interface name=\"%s\">\n", interface->name);
	for (size_t i = 0; i < interface->method_count; i++) {
		fprintf(text->file, "    <method name=\"%s\">\n", interface->methods[i].name);
		text->direction = " direction=\"in\"";
		each_argument(interface->methods[i].in, write_argument, text);
		text->direction = " direction=\"out\"";
		each_argument(interface->methods[i].out, write_argument, text);
		fputs("    </method>\n", text->file);
	}
	text->direction = "";
	for (size_t i = 0; i < interface->signal_count; i++) {
		fprintf(text->file, "    <signal name=\"%s\">\n", interface->signals[i].name);
		each_argument(interface->signals[i].arguments, write_argument, text);
		fputs("    </signal>\n", text->file);
	}
	for (size_t i = 0; i < interface->property_count; i++)
		fprintf(text->file, "    <property name=\"%s\" type=\"%s\" access=\"read\"/>\n",
			interface->properties[i].name, interface->properties[i].type);
	fputs("  </interface>\n", text->file);
}

static const char standard_interfaces[] =
	"  <interface name=\"org.freedesktop.DBus.Introspectable\">\n"
	"    <method name=\"Introspect\"><arg name=\"xml\" type=\"s\" "
	"direction=\"out\"/></method>\n"
	"  </interface>\n"
	"  <interface name=\"org.freedesktop.DBus.Properties\">\n"
	"    <method name=\"Get\"><arg type=\"s\" direction=\"in\"/><arg type=\"s\" "
	"direction=\"in\"/><arg type=\"v\" direction=\"out\"/></method>\n"
	"    <method name=\"GetAll\"><arg type=\"s\" direction=\"in\"/><arg type=\"a{sv}\" "
	"direction=\"out\"/></method>\n"
	"  </interface>\n"
	"  <interface name=\"org.freedesktop.DBus.Peer\">\n"
	"    <method name=\"Ping\"/><method name=\"GetMachineId\"><arg type=\"s\" "
	"direction=\"out\"/></method>\n"
	"  </interface>\n";

static void write_children(struct text *text, struct lodged *lodged, const char *path)
{
	for (struct vm *vm = lodged->vms; vm; vm = vm->next) {
		char own[BUS_PATH_MAX], *slash;

		vm_object_path(vm, own);
		slash = strrchr(own, '/');
		*slash = '\0';
		if (strcmp(own, path) == 0)
			fprintf(text->file, "  <node name=\"%s\"/>\n", slash + 1);
	}
}

static void introspect(struct call *call, const struct bus_interface *interface, const char *path)
{
	DBusMessage *reply = call_new_reply(call);
	struct text text = {0};
	DBusMessageIter iter;

	text.file = open_memstream(&text.bytes, &text.length);
	if (!text.file || !reply) {
		call_fail(call, BUS_ERROR(Failed), "out of memory");
		return;
	}
	fputs(DBUS_INTROSPECT_1_0_XML_DOCTYPE_DECL_NODE "<node>\n", text.file);
	if (interface) {
		fputs(standard_interfaces, text.file);
		write_interface(&text, interface);
	}
	/* The children, one step down. */
	if (strcmp(path, "/") == 0)
		fputs("  <node name=\"org\"/>\n", text.file);
	else if (strcmp(path, "/org") == 0)
		fputs("  <node name=\"lodge1\"/>\n", text.file);
	else if (strcmp(path, BUS_PATH_MANAGER) == 0)
		fputs("  <node name=\"vm\"/>\n  <node name=\"domain\"/>\n", text.file);
	else if (strcmp(path, BUS_PATH_VM) == 0 || strcmp(path, BUS_PATH_DOMAIN) == 0)
		write_children(&text, call->lodged, path);
	fputs("</node>\n", text.file);
	fclose(text.file);
	dbus_message_iter_init_append(reply, &iter);
	append_text(&iter, text.bytes);
	free(text.bytes);
	call_reply(call, reply);
}

/* --- Properties ----------------------------------------------------------------------------- */

static void append_property(const struct call *call, const struct bus_property *property,
			    DBusMessageIter *iter)
{
	DBusMessageIter variant;

	dbus_message_iter_open_container(iter, DBUS_TYPE_VARIANT, property->type, &variant);
	property->get(call, &variant);
	dbus_message_iter_close_container(iter, &variant);
}

void bus_append_properties(const struct call *call, const struct bus_interface *interface,
			   DBusMessageIter *iter)
{
	DBusMessageIter dict, entry;

	dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sv}", &dict);
	for (size_t i = 0; i < interface->property_count; i++) {
		dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
		append_text(&entry, interface->properties[i].name);
		append_property(call, &interface->properties[i], &entry);
		dbus_message_iter_close_container(&dict, &entry);
	}
	dbus_message_iter_close_container(iter, &dict);
}

static void get_properties(struct call *call, const struct bus_interface *interface)
{
	const char *member = dbus_message_get_member(call->message);
	const char *wanted = NULL, *name = NULL;
	DBusMessageIter iter;
	DBusMessage *reply;

	if (strcmp(member, "GetAll") == 0 && dbus_message_has_signature(call->message, "s")) {
		dbus_message_get_args(call->message, NULL, DBUS_TYPE_STRING, &wanted,
				      DBUS_TYPE_INVALID);
	} else if (strcmp(member, "Get") == 0 && dbus_message_has_signature(call->message, "ss")) {
		dbus_message_get_args(call->message, NULL, DBUS_TYPE_STRING, &wanted,
				      DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
	} else if (strcmp(member, "Set") == 0) {
		call_fail(call, DBUS_ERROR_PROPERTY_READ_ONLY, "properties here are read-only");
		return;
	}
	if (!wanted) {
		call_fail(call, DBUS_ERROR_INVALID_ARGS, "Get takes (ss), GetAll (s)");
		return;
	}
	if (strcmp(wanted, interface->name) != 0) {
		call_fail(call, DBUS_ERROR_UNKNOWN_INTERFACE, "no properties of that interface");
		return;
	}
	reply = call_new_reply(call);
	dbus_message_iter_init_append(reply, &iter);
	if (!name) {
		bus_append_properties(call, interface, &iter);
		call_reply(call, reply);
		return;
	}
	for (size_t i = 0; i < interface->property_count; i++) {
		if (strcmp(interface->properties[i].name, name) == 0) {
			append_property(call, &interface->properties[i], &iter);
			call_reply(call, reply);
			return;
		}
	}
	dbus_message_unref(reply);
	call_fail(call, DBUS_ERROR_UNKNOWN_PROPERTY, "no property %s", name);
}

/* --- Dispatch ------------------------------------------------------------------------------- */

static const struct bus_method *find_method(const struct bus_interface *interface,
					    DBusMessage *message)
{
	const char *wanted = dbus_message_get_interface(message);

	if (wanted && strcmp(wanted, interface->name) != 0)
		return NULL;
	for (size_t i = 0; i < interface->method_count; i++) {
		if (strcmp(interface->methods[i].name, dbus_message_get_member(message)) == 0)
			return &interface->methods[i];
	}
	return NULL;
}

/* Tools made for buses (gdbus, busctl) greet whatever they connect to. */
static void hello(struct call *call)
{
	DBusMessage *reply = call_new_reply(call);
	const char *name = ":1.1";

	dbus_message_append_args(reply, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
	call_reply(call, reply);
}

DBusHandlerResult bus_dispatch(struct lodged *lodged, DBusConnection *connection,
			       DBusMessage *message)
{
	const struct bus_interface *interface = NULL;
	const struct bus_method *method;
	const char *path;
	struct call *call;

	if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_METHOD_CALL)
		return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
	call = call_keep(&(struct call){
		.lodged = lodged,
		.connection = connection,
		.message = message,
	});
	if (!call)
		return DBUS_HANDLER_RESULT_NEED_MEMORY;
	path = dbus_message_get_path(message);
	if (strcmp(path, BUS_PATH_MANAGER) == 0) {
		interface = &bus_manager_interface;
	} else {
		call->vm = vm_of_path(lodged, path);
		if (call->vm)
			interface = &bus_vm_interface;
	}
	if (dbus_message_is_method_call(message, DBUS_INTERFACE_INTROSPECTABLE, "Introspect")) {
		introspect(call, interface, path);
		return DBUS_HANDLER_RESULT_HANDLED;
	}
	if (dbus_message_is_method_call(message, DBUS_INTERFACE_DBUS, "Hello")) {
		hello(call);
		return DBUS_HANDLER_RESULT_HANDLED;
	}
	if (!interface) {
		call_fail(call, DBUS_ERROR_UNKNOWN_OBJECT, "there is no VM at %s", path);
		return DBUS_HANDLER_RESULT_HANDLED;
	}
	if (dbus_message_has_interface(message, DBUS_INTERFACE_PROPERTIES)) {
		get_properties(call, interface);
		return DBUS_HANDLER_RESULT_HANDLED;
	}
	method = find_method(interface, message);
	if (!method)
		call_fail(call, DBUS_ERROR_UNKNOWN_METHOD, "%s has no method %s", interface->name,
			  dbus_message_get_member(message));
	else if (!has_signature(message, method->in))
		call_fail(call, DBUS_ERROR_INVALID_ARGS, "%s takes (%s)", method->name, method->in);
	else
		method->handle(call);
	return DBUS_HANDLER_RESULT_HANDLED;
}

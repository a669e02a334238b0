/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/client.h"
#include "host/cli/dbus_json.h"
#include "host/cli/runtime.h"
#include "host/probe/libvirt_uris.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <limits.h>
#include <string.h>

struct client {
	DBusConnection *connection;
};

static DBusConnection *connect_once(const char *runtime)
{
	char *escaped = NULL, address[PATH_MAX * 3 + 32], path[PATH_MAX + 32];
	DBusConnection *connection;

	snprintf(path, sizeof(path), "%s/lodged.sock", runtime);
	escaped = dbus_address_escape_value(path);
	if (!escaped)
		return NULL;
	snprintf(address, sizeof(address), "unix:path=%s", escaped);
	dbus_free(escaped);
	connection = dbus_connection_open_private(address, NULL);
	if (connection)
		dbus_connection_set_exit_on_disconnect(connection, FALSE);
	return connection;
}

/* Connected, and somebody answers: a lodged that was just killed may still have been there to
 * connect to. */
static DBusConnection *connect_alive(const char *runtime)
{
	DBusConnection *connection = connect_once(runtime);
	DBusMessage *reply = NULL, *ping;

	if (!connection)
		return NULL;
	ping = dbus_message_new_method_call(NULL, LODGE_MANAGER_PATH, DBUS_INTERFACE_PEER, "Ping");
	if (ping) {
		reply = dbus_connection_send_with_reply_and_block(connection, ping, CLIENT_QUICK_MS,
								  NULL);
		dbus_message_unref(ping);
	}
	if (!reply && !dbus_connection_get_is_connected(connection)) {
		dbus_connection_close(connection);
		dbus_connection_unref(connection);
		return NULL;
	}
	if (reply)
		dbus_message_unref(reply);
	return connection;
}

int client_open(struct client **client)
{
	char runtime[PATH_MAX];
	DBusConnection *connection;
	int error = runtime_directory(runtime, sizeof(runtime));

	if (error) {
		log_error("no folder to run in: set XDG_RUNTIME_DIR or LODGE_RUNTIME_DIR");
		return error;
	}
	connection = connect_alive(runtime);
	if (!connection) {
		error = runtime_start_daemon(runtime);
		if (error)
			return error;
		connection = connect_alive(runtime);
	}
	if (!connection) {
		log_error("cannot connect to lodged on %s/lodged.sock; may you open it?", runtime);
		return -ECONNREFUSED;
	}
	*client = calloc(1, sizeof(**client));
	if (!*client) {
		dbus_connection_close(connection);
		dbus_connection_unref(connection);
		return -ENOMEM;
	}
	(*client)->connection = connection;
	return 0;
}

void client_close(struct client *client)
{
	if (!client)
		return;
	dbus_connection_close(client->connection);
	dbus_connection_unref(client->connection);
	free(client);
}

DBusConnection *client_connection(struct client *client)
{
	return client->connection;
}

/* lodged's error messages are whole lines for people; those of libdbus are not. */
static void print_error(const DBusError *error, const char *about)
{
	if (dbus_error_has_name(error, DBUS_ERROR_NO_REPLY) ||
	    dbus_error_has_name(error, DBUS_ERROR_DISCONNECTED))
		log_error("%s: lodged gave no answer; try again, it is started anew if it ended",
			  about);
	else
		log_error("%s: %s", about, error->message);
}

DBusMessage *client_call(struct client *client, DBusMessage *message, int timeout_ms,
			 const char *about)
{
	DBusError error = DBUS_ERROR_INIT;
	DBusMessage *reply;

	if (!message) {
		log_error("%s: %s", about, error_text(ENOMEM));
		return NULL;
	}
	reply = dbus_connection_send_with_reply_and_block(client->connection, message, timeout_ms,
							  &error);
	dbus_message_unref(message);
	if (!reply) {
		print_error(&error, about);
		dbus_error_free(&error);
	}
	return reply;
}

DBusMessage *client_vm_message(struct client *client, const char *name, const char *interface,
			       const char *method)
{
	DBusMessage *ask = dbus_message_new_method_call(NULL, LODGE_MANAGER_PATH,
							LODGE_MANAGER_INTERFACE, "GetVM");
	DBusMessage *reply, *message = NULL;
	const char *path;

	if (!dbus_validate_utf8(name, NULL)) {
		log_error("that is no name of a VM");
		if (ask)
			dbus_message_unref(ask);
		return NULL;
	}
	if (ask)
		dbus_message_append_args(ask, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
	reply = client_call(client, ask, CLIENT_QUICK_MS, name);
	if (!reply)
		return NULL;
	if (dbus_message_get_args(reply, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID))
		message = dbus_message_new_method_call(NULL, path, interface, method);
	if (!message)
		log_error("%s: lodged answered with something else than a VM", name);
	dbus_message_unref(reply);
	return message;
}

DBusMessage *client_vm_call(struct client *client, const char *name, const char *method,
			    int timeout_ms)
{
	DBusMessage *message = client_vm_message(client, name, LODGE_VM_INTERFACE, method);

	return message ? client_call(client, message, timeout_ms, name) : NULL;
}

int client_vm_descriptor(struct client *client, const char *name, DBusMessage *message)
{
	DBusMessage *reply = client_call(client, message, CLIENT_QUICK_MS, name);
	int fd = -EPROTO;

	if (!reply)
		return -EIO;
	if (!dbus_message_get_args(reply, NULL, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID)) {
		log_error("%s: lodged gave no descriptor", name);
		fd = -EPROTO;
	}
	dbus_message_unref(reply);
	return fd;
}

static int unexpected(void)
{
	log_error("lodged answered with something unexpected; are lodge and lodged of "
		  "the same version?");
	return -EBADMSG;
}

struct json_object *client_reply_object(DBusMessage *reply)
{
	DBusMessageIter value;
	struct json_object *json = NULL;

	if (dbus_message_iter_init(reply, &value))
		json = dbus_to_json(&value);
	dbus_message_unref(reply);
	if (!json || !json_object_is_type(json, json_type_object)) {
		unexpected();
		json_object_put(json);
		return NULL;
	}
	return json;
}

int client_pair(struct client *client, const char *method, struct json_object **first,
		struct json_object **second)
{
	DBusMessage *reply =
		client_call(client,
			    dbus_message_new_method_call(NULL, LODGE_MANAGER_PATH,
							 LODGE_MANAGER_INTERFACE, method),
			    CLIENT_QUICK_MS, "lodged");
	DBusMessageIter value;

	*first = *second = NULL;
	if (!reply)
		return -EIO;
	if (dbus_message_has_signature(reply, "a{sv}a{sa{sv}}") &&
	    dbus_message_iter_init(reply, &value)) {
		*first = dbus_to_json(&value);
		dbus_message_iter_next(&value);
		*second = dbus_to_json(&value);
	}
	dbus_message_unref(reply);
	return *first && *second ? 0 : unexpected();
}

static struct json_object *get_all(struct client *client, DBusMessage *message, const char *about)
{
	const char *interface = LODGE_VM_INTERFACE;
	DBusMessage *reply;

	if (!message)
		return NULL;
	dbus_message_append_args(message, DBUS_TYPE_STRING, &interface, DBUS_TYPE_INVALID);
	reply = client_call(client, message, CLIENT_QUICK_MS, about);
	return reply ? client_reply_object(reply) : NULL;
}

struct json_object *client_vm_properties(struct client *client, const char *name)
{
	return get_all(client, client_vm_message(client, name, DBUS_INTERFACE_PROPERTIES, "GetAll"),
		       name);
}

struct json_object *client_object_properties(struct client *client, const char *path)
{
	return get_all(
		client,
		dbus_message_new_method_call(NULL, path, DBUS_INTERFACE_PROPERTIES, "GetAll"),
		path);
}

/* What lodged could not list, and why. */
static void print_warnings(struct client *client)
{
	const char *interface = LODGE_MANAGER_INTERFACE, *property = "Warnings";
	DBusMessage *reply, *message = dbus_message_new_method_call(
				    NULL, LODGE_MANAGER_PATH, DBUS_INTERFACE_PROPERTIES, "Get");
	struct json_object *list = NULL;
	DBusMessageIter value;

	if (!message)
		return;
	dbus_message_append_args(message, DBUS_TYPE_STRING, &interface, DBUS_TYPE_STRING, &property,
				 DBUS_TYPE_INVALID);
	reply = client_call(client, message, CLIENT_QUICK_MS, "list of VMs");
	if (reply && dbus_message_iter_init(reply, &value))
		list = dbus_to_json(&value);
	for (size_t i = 0; list && json_object_is_type(list, json_type_array) &&
			   i < json_object_array_length(list);
	     i++)
		log_warning("%s", json_object_get_string(json_object_array_get_idx(list, i)));
	json_object_put(list);
	if (reply)
		dbus_message_unref(reply);
}

struct json_object *client_list(void)
{
	_cleanup_client_ struct client *client = NULL;
	char runtime[PATH_MAX];
	DBusMessage *reply;

	if (runtime_directory(runtime, sizeof(runtime)) == 0 && !runtime_has_vms(runtime) &&
	    !runtime_has_daemon(runtime) && !libvirt_is_there())
		return json_object_new_object();
	if (client_open(&client) != 0)
		return NULL;
	reply = client_call(client,
			    dbus_message_new_method_call(NULL, LODGE_MANAGER_PATH,
							 LODGE_MANAGER_INTERFACE, "ListVMs"),
			    CLIENT_QUICK_MS, "list of VMs");
	if (reply)
		print_warnings(client);
	return reply ? client_reply_object(reply) : NULL;
}

bool client_add_option(DBusMessageIter *options, const char *key, int type, const void *value)
{
	const char signature[] = {(char)type, '\0'};
	DBusMessageIter entry, variant;

	return dbus_message_iter_open_container(options, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
	       dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key) &&
	       dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, signature, &variant) &&
	       dbus_message_iter_append_basic(&variant, type, value) &&
	       dbus_message_iter_close_container(&entry, &variant) &&
	       dbus_message_iter_close_container(options, &entry);
}

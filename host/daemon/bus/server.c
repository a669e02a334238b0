/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/bus/internal.h"

#include "host/daemon/lodged.h"
#include "protocol/base/log.h"
#include "protocol/bus/bus_loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct client {
	struct client *next;
	DBusConnection *connection;
	struct bus *bus;
};

struct bus {
	struct lodged *lodged;
	DBusServer *server;
	struct client *clients;
	unsigned int count;
	DBusConnection *shared; /* the session's or system's bus, or NULL */
};

/* --- Peer to peer --------------------------------------------------------------------------- */

static DBusHandlerResult on_message(DBusConnection *connection, DBusMessage *message, void *data)
{
	struct bus *bus = data;

	return bus_dispatch(bus->lodged, connection, message);
}

static const DBusObjectPathVTable everything = {.message_function = on_message};

static void drop_client(struct client *client)
{
	struct bus *bus = client->bus;

	for (struct client **at = &bus->clients; *at; at = &(*at)->next) {
		if (*at == client) {
			*at = client->next;
			break;
		}
	}
	bus->count--;
	dbus_connection_close(client->connection);
	dbus_connection_unref(client->connection);
	free(client);
	lodged_check_idle(bus->lodged);
}

static DBusHandlerResult on_client_filter(DBusConnection *connection, DBusMessage *message,
					  void *data)
{
	(void)connection;
	if (!dbus_message_is_signal(message, DBUS_INTERFACE_LOCAL, "Disconnected"))
		return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
	drop_client(data);
	return DBUS_HANDLER_RESULT_HANDLED;
}

/* The kernel says who connected; the socket's folder keeps others out already. */
static dbus_bool_t is_allowed(DBusConnection *connection, unsigned long uid, void *data)
{
	(void)connection;
	(void)data;
	return uid == 0 || uid == getuid();
}

static void on_connection(DBusServer *server, DBusConnection *connection, void *data)
{
	struct bus *bus = data;
	struct client *client = calloc(1, sizeof(*client));

	(void)server;
	if (!client)
		return;
	client->bus = bus;
	client->connection = dbus_connection_ref(connection);
	client->next = bus->clients;
	bus->clients = client;
	bus->count++;
	dbus_connection_set_allow_anonymous(connection, FALSE);
	dbus_connection_set_unix_user_function(connection, is_allowed, NULL, NULL);
	dbus_connection_set_exit_on_disconnect(connection, FALSE);
	dbus_connection_set_max_received_size(connection, 1 << 20);
	if (!dbus_connection_add_filter(connection, on_client_filter, client, NULL) ||
	    !dbus_connection_register_fallback(connection, "/", &everything, bus) ||
	    !bus_loop_add_connection(&bus->lodged->loop, connection))
		drop_client(client);
	lodged_check_idle(bus->lodged);
}

static int listen_on(struct bus *bus, const char *path)
{
	DBusError error = DBUS_ERROR_INIT;
	char *escaped = dbus_address_escape_value(path), *address;
	int r = -ENOMEM;

	if (!escaped || asprintf(&address, "unix:path=%s", escaped) < 0) {
		dbus_free(escaped);
		return r;
	}
	/* lodged's lock says that nobody listens there now. */
	unlink(path);
	bus->server = dbus_server_listen(address, &error);
	if (!bus->server) {
		log_error("cannot listen on %s: %s", path, error.message);
		dbus_error_free(&error);
		r = -EIO;
	} else {
		dbus_server_set_new_connection_function(bus->server, on_connection, bus, NULL);
		r = bus_loop_add_server(&bus->lodged->loop, bus->server) ? 0 : -ENOMEM;
	}
	free(address);
	dbus_free(escaped);
	return r;
}

/* --- A shared bus --------------------------------------------------------------------------- */

static DBusHandlerResult on_shared_filter(DBusConnection *connection, DBusMessage *message,
					  void *data)
{
	struct bus *bus = data;

	if (!dbus_message_is_signal(message, DBUS_INTERFACE_LOCAL, "Disconnected"))
		return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
	bus->shared = NULL;
	dbus_connection_unref(connection);
	return DBUS_HANDLER_RESULT_HANDLED;
}

/* Convenience for other programs; lodged works as well without. */
static void join_shared_bus(struct bus *bus)
{
	DBusBusType type = getuid() == 0 ? DBUS_BUS_SYSTEM : DBUS_BUS_SESSION;
	DBusError error = DBUS_ERROR_INIT;
	DBusConnection *connection;

	if (type == DBUS_BUS_SESSION && !getenv("DBUS_SESSION_BUS_ADDRESS"))
		return;
	if (type == DBUS_BUS_SYSTEM && access("/run/dbus/system_bus_socket", F_OK) < 0)
		return;
	connection = dbus_bus_get_private(type, &error);
	if (!connection) {
		log_debug("no bus: %s", error.message);
		dbus_error_free(&error);
		return;
	}
	dbus_connection_set_exit_on_disconnect(connection, FALSE);
	if (dbus_bus_request_name(connection, BUS_NAME, DBUS_NAME_FLAG_DO_NOT_QUEUE, &error) !=
		    DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER ||
	    !dbus_connection_add_filter(connection, on_shared_filter, bus, NULL) ||
	    !dbus_connection_register_fallback(connection, "/", &everything, bus) ||
	    !bus_loop_add_connection(&bus->lodged->loop, connection)) {
		log_debug("not on the bus: %s", error.message ? error.message : "name taken");
		dbus_error_free(&error);
		dbus_connection_close(connection);
		dbus_connection_unref(connection);
		return;
	}
	bus->shared = connection;
}

/* --- The bus -------------------------------------------------------------------------------- */

int bus_new(struct lodged *lodged, struct bus **result)
{
	struct bus *bus = calloc(1, sizeof(*bus));
	char path[PATH_MAX];
	int r;

	if (!bus)
		return -ENOMEM;
	bus->lodged = lodged;
	if (snprintf(path, sizeof(path), "%s/lodged.sock", lodged->runtime) >= (int)sizeof(path))
		r = -ENAMETOOLONG;
	else
		r = listen_on(bus, path);
	if (r < 0) {
		bus_free(bus);
		return r;
	}
	join_shared_bus(bus);
	*result = bus;
	return 0;
}

void bus_free(struct bus *bus)
{
	if (!bus)
		return;
	while (bus->clients)
		drop_client(bus->clients);
	if (bus->server) {
		dbus_server_disconnect(bus->server);
		dbus_server_unref(bus->server);
	}
	if (bus->shared) {
		dbus_connection_close(bus->shared);
		dbus_connection_unref(bus->shared);
	}
	free(bus);
}

unsigned int bus_client_count(const struct bus *bus)
{
	return bus ? bus->count : 0;
}

void bus_emit(struct bus *bus, DBusMessage *signal)
{
	for (struct client *client = bus->clients; client; client = client->next)
		dbus_connection_send(client->connection, signal, NULL);
	if (bus->shared)
		dbus_connection_send(bus->shared, signal, NULL);
	dbus_message_unref(signal);
}

static DBusMessage *new_signal(const char *name)
{
	return dbus_message_new_signal(BUS_PATH_MANAGER, BUS_INTERFACE_MANAGER, name);
}

static void emit_name(struct bus *bus, const char *signal_name, const struct vm *vm)
{
	char label[VM_LABEL_MAX];
	const char *name = vm_label(vm, label);
	DBusMessage *signal = bus ? new_signal(signal_name) : NULL;

	if (!signal)
		return;
	dbus_message_append_args(signal, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
	bus_emit(bus, signal);
}

void bus_vm_added(struct bus *bus, const struct vm *vm)
{
	emit_name(bus, "VMAdded", vm);
}

void bus_vm_removed(struct bus *bus, const struct vm *vm)
{
	emit_name(bus, "VMRemoved", vm);
}

void bus_vm_changed(struct bus *bus, const struct vm *vm)
{
	char label[VM_LABEL_MAX];
	const char *name = vm_label(vm, label), *state = vm_state_text(vm->state);
	const char *reason = vm->reason;
	DBusMessage *signal = bus ? new_signal("VMStateChanged") : NULL;

	if (!signal)
		return;
	dbus_message_append_args(signal, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING, &state,
				 DBUS_TYPE_STRING, &reason, DBUS_TYPE_INVALID);
	bus_emit(bus, signal);
}

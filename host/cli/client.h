/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client - a connection to lodged (D-Bus, peer to peer on <runtime>/lodged.sock)
 *
 * lodged is started when it is not there. What fails is printed here, in one line, so callers only
 * pass the failure on.
 */
#ifndef LODGE_CLI_CLIENT_H
#define LODGE_CLI_CLIENT_H

#include <dbus/dbus.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#define LODGE_MANAGER_PATH	"/org/lodge1"
#define LODGE_MANAGER_INTERFACE "org.lodge1.Manager"
#define LODGE_VM_INTERFACE	"org.lodge1.VM"
#define LODGE_ERROR_NOT_FOUND	"org.lodge1.Error.NotFound"

/* For answers that come at once, and for those that may take a while. */
#define CLIENT_QUICK_MS 25000
#define CLIENT_SLOW_MS	180000

struct client;

/* Connected, and freed by client_close(). Return: 0 or negative errno. */
int client_open(struct client **client);
void client_close(struct client *client);
#define _cleanup_client_ __attribute__((cleanup(client_cleanup)))
static inline void client_cleanup(struct client **client)
{
	client_close(*client);
}

/* To take part in a loop: see watch.h. */
DBusConnection *client_connection(struct client *client);

/**
 * client_call() - ask and wait
 * @message:	consumed; NULL counts as being without memory
 * @about:	what the error line begins with, a VM's name for example
 *
 * Return: the answer, to be unreferenced; NULL after an error was printed.
 */
DBusMessage *client_call(struct client *client, DBusMessage *message, int timeout_ms,
			 const char *about);

/* A call to the object of the VM named @name; NULL after an error was printed (no such VM). */
DBusMessage *client_vm_message(struct client *client, const char *name, const char *interface,
			       const char *method);

/* Appends "key": variant of a basic type to a{sv}. false without memory. */
bool client_add_option(DBusMessageIter *options, const char *key, int type, const void *value);

/* client_vm_message() and client_call() for methods without parameters. */
DBusMessage *client_vm_call(struct client *client, const char *name, const char *method,
			    int timeout_ms);

/* Calls a method that gives one file descriptor. Return: it, or negative errno. */
int client_vm_descriptor(struct client *client, const char *name, DBusMessage *message);

/* The first value of @reply, which is unreferenced: an object, or NULL after an error was printed.
 */
struct json_object *client_reply_object(DBusMessage *reply);

/**
 * client_pair() - a method of the manager without parameters that gives two dictionaries
 * @first, @second: set on success; to be put
 *
 * Return: 0; negative errno after an error was printed.
 */
int client_pair(struct client *client, const char *method, struct json_object **first,
		struct json_object **second);

/* A VM's properties as a JSON object, NULL after an error was printed. */
struct json_object *client_vm_properties(struct client *client, const char *name);

/* The same for the VM that is the object @path. */
struct json_object *client_object_properties(struct client *client, const char *path);

/* All VMs as a JSON object: name -> properties. Does not start lodged when there can be none.
 * Return: NULL after an error was printed. */
struct json_object *client_list(void);

#endif

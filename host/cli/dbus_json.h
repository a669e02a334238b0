/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dbus_json - values of D-Bus as JSON
 *
 * Dictionaries with text keys become objects, other arrays become arrays, variants what they hold.
 * Text is cleaned (see text.h): much of it comes from guests.
 */
#ifndef LODGE_CLI_DBUS_JSON_H
#define LODGE_CLI_DBUS_JSON_H

#include <dbus/dbus.h>
#include <json-c/json.h>
#include <stdbool.h>

/* The value at @value. Return: a new object; NULL stands for JSON's null. */
struct json_object *dbus_to_json(DBusMessageIter *value);

/* Clean text as a JSON string. */
struct json_object *json_clean_text(const char *text);

/* The text, or "", and the number, or 0, under @key. The text is the object's. */
const char *json_text(struct json_object *object, const char *key);
uint64_t json_number(struct json_object *object, const char *key);

/* The real number, or -1, and the truth, or false, under @key. */
double json_real(struct json_object *object, const char *key);
bool json_truth(struct json_object *object, const char *key);

/* Prints it for people and programs alike: indented, with a newline. */
void json_print(struct json_object *object);

#endif

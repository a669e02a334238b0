/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/dbus_json.h"
#include "host/cli/text.h"
#include "protocol/base/cleanup.h"

#include <stdio.h>

struct json_object *json_clean_text(const char *text)
{
	_cleanup_free_ char *clean = text_clean(slice_of(text));

	return clean ? json_object_new_string(clean) : NULL;
}

static struct json_object *array_to_json(DBusMessageIter *array)
{
	struct json_object *json = json_object_new_array();
	DBusMessageIter item;

	dbus_message_iter_recurse(array, &item);
	for (; dbus_message_iter_get_arg_type(&item) != DBUS_TYPE_INVALID;
	     dbus_message_iter_next(&item))
		json_object_array_add(json, dbus_to_json(&item));
	return json;
}

static struct json_object *dictionary_to_json(DBusMessageIter *array)
{
	struct json_object *json = json_object_new_object();
	DBusMessageIter entries;

	dbus_message_iter_recurse(array, &entries);
	for (; dbus_message_iter_get_arg_type(&entries) == DBUS_TYPE_DICT_ENTRY;
	     dbus_message_iter_next(&entries)) {
		DBusMessageIter entry;
		const char *key;

		dbus_message_iter_recurse(&entries, &entry);
		if (dbus_message_iter_get_arg_type(&entry) != DBUS_TYPE_STRING)
			continue;
		dbus_message_iter_get_basic(&entry, &key);
		dbus_message_iter_next(&entry);
		json_object_object_add(json, key, dbus_to_json(&entry));
	}
	return json;
}

static struct json_object *basic_to_json(int type, const DBusBasicValue *value)
{
	switch (type) {
	case DBUS_TYPE_BOOLEAN:
		return json_object_new_boolean(value->bool_val != 0);
	case DBUS_TYPE_BYTE:
		return json_object_new_int(value->byt);
	case DBUS_TYPE_INT16:
		return json_object_new_int(value->i16);
	case DBUS_TYPE_UINT16:
		return json_object_new_int(value->u16);
	case DBUS_TYPE_INT32:
		return json_object_new_int(value->i32);
	case DBUS_TYPE_UINT32:
		return json_object_new_int64(value->u32);
	case DBUS_TYPE_INT64:
		return json_object_new_int64(value->i64);
	case DBUS_TYPE_UINT64:
		return json_object_new_uint64(value->u64);
	case DBUS_TYPE_DOUBLE:
		return json_object_new_double(value->dbl);
	default:
		return NULL;
	}
}

struct json_object *dbus_to_json(DBusMessageIter *value)
{
	int type = dbus_message_iter_get_arg_type(value);
	DBusMessageIter inner;
	DBusBasicValue basic;

	switch (type) {
	case DBUS_TYPE_VARIANT:
		dbus_message_iter_recurse(value, &inner);
		return dbus_to_json(&inner);
	case DBUS_TYPE_ARRAY:
		if (dbus_message_iter_get_element_type(value) == DBUS_TYPE_DICT_ENTRY)
			return dictionary_to_json(value);
		return array_to_json(value);
	case DBUS_TYPE_STRING:
	case DBUS_TYPE_OBJECT_PATH:
		dbus_message_iter_get_basic(value, &basic);
		return json_clean_text(basic.str);
	default:
		if (!dbus_type_is_basic(type) || type == DBUS_TYPE_UNIX_FD)
			return NULL;
		dbus_message_iter_get_basic(value, &basic);
		return basic_to_json(type, &basic);
	}
}

const char *json_text(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return "";
	return json_object_get_string(value);
}

uint64_t json_number(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		return 0;
	return json_object_get_uint64(value);
}

double json_real(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_double(value) : -1;
}

bool json_truth(struct json_object *object, const char *key)
{
	return json_object_get_boolean(json_object_object_get(object, key));
}

void json_print(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							    JSON_C_TO_STRING_SPACED |
							    JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/memory_settings.h"

#include "host/daemon/json_file.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>

static void read_number(struct json_object *object, const char *key, uint64_t *number)
{
	struct json_object *value;

	if (json_file_get(object, key, json_type_int, &value) && json_object_get_int64(value) > 0)
		*number = (uint64_t)json_object_get_int64(value);
}

void memory_settings_read(const char *path, struct memory_settings *settings)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *value;
	int r = json_file_read(path, MEMORY_SETTINGS_FILE, &object);

	*settings = (struct memory_settings){.speed = MEMORY_SPEED_NORMAL};
	if (r < 0) {
		if (r != -ENOENT)
			log_warning("%s/" MEMORY_SETTINGS_FILE " is not read: %s", path,
				    error_text(r));
		return;
	}
	if (json_file_get(object, "mode", json_type_string, &value) &&
	    memory_mode_named(json_object_get_string(value), &settings->mode) < 0)
		log_warning("%s/" MEMORY_SETTINGS_FILE ": there is no mode '%s'", path,
			    json_object_get_string(value));
	if (json_file_get(object, "speed", json_type_string, &value) &&
	    memory_speed_named(json_object_get_string(value), &settings->speed) < 0)
		log_warning("%s/" MEMORY_SETTINGS_FILE ": there is no speed '%s'", path,
			    json_object_get_string(value));
	read_number(object, "reserve", &settings->reserve_bytes);
	read_number(object, "total", &settings->total_bytes);
	if (json_file_get(object, "ksm", json_type_boolean, &value))
		settings->ksm = json_object_get_boolean(value);
	if (json_file_get(object, "overcommit", json_type_boolean, &value))
		settings->whole = !json_object_get_boolean(value);
}

int memory_settings_write(const char *path, const struct memory_settings *settings)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();

	json_object_object_add(object, "mode",
			       json_object_new_string(memory_mode_name(settings->mode)));
	json_object_object_add(object, "speed",
			       json_object_new_string(memory_speed_name(settings->speed)));
	json_object_object_add(object, "reserve", json_object_new_uint64(settings->reserve_bytes));
	json_object_object_add(object, "total", json_object_new_uint64(settings->total_bytes));
	json_object_object_add(object, "ksm", json_object_new_boolean(settings->ksm));
	json_object_object_add(object, "overcommit", json_object_new_boolean(!settings->whole));
	return json_file_write(path, MEMORY_SETTINGS_FILE, object);
}

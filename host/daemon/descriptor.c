/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/descriptor.h"

#include "host/daemon/json_file.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define AT(options, option, type) ((type *)((char *)(options) + (option)->offset))

static struct json_object *list_to_json(char *const *list)
{
	struct json_object *array = json_object_new_array();

	for (; list && *list; list++)
		json_object_array_add(array, json_object_new_string(*list));
	return array;
}

static struct json_object *options_to_json(const struct vm_options *options)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < vm_option_count; i++) {
		const struct vm_option *option = &vm_option_table[i];
		struct json_object *value = NULL;

		switch (option->kind) {
		case OPTION_TEXT:
			if (*AT(options, option, char *const))
				value = json_object_new_string(*AT(options, option, char *const));
			break;
		case OPTION_LIST:
			value = list_to_json(*AT(options, option, char **const));
			break;
		case OPTION_NUMBER:
			value = json_object_new_uint64(*AT(options, option, const uint64_t));
			break;
		}
		if (value)
			json_object_object_add(object, option->name, value);
	}
	return object;
}

int descriptor_write(const char *path, const struct descriptor *descriptor)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();

	json_object_object_add(object, "backend", json_object_new_string(descriptor->backend));
	json_object_object_add(object, "pid", json_object_new_int64(descriptor->pid));
	json_object_object_add(object, "started_ns", json_object_new_int64(descriptor->started_ns));
	json_object_object_add(object, "options", options_to_json(&descriptor->options));
	return json_file_write(path, DESCRIPTOR_FILE, object);
}

static int option_from_json(struct vm_options *options, const struct vm_option *option,
			    struct json_object *value)
{
	int r = 0;

	switch (option->kind) {
	case OPTION_TEXT:
		if (!json_object_is_type(value, json_type_string))
			return -EBADMSG;
		return vm_option_set_text(options, option, json_object_get_string(value));
	case OPTION_NUMBER:
		if (!json_object_is_type(value, json_type_int))
			return -EBADMSG;
		return vm_option_set_number(options, option, json_object_get_uint64(value));
	case OPTION_LIST:
		if (!json_object_is_type(value, json_type_array))
			return -EBADMSG;
		for (size_t i = 0; r == 0 && i < json_object_array_length(value); i++) {
			struct json_object *item = json_object_array_get_idx(value, i);

			if (!json_object_is_type(item, json_type_string))
				return -EBADMSG;
			r = vm_option_add(options, option, json_object_get_string(item));
		}
		return r;
	}
	return -EBADMSG;
}

static int read_object(struct json_object *object, struct descriptor *descriptor)
{
	struct json_object *backend, *pid, *started, *options;

	if (!json_file_get(object, "backend", json_type_string, &backend) ||
	    !json_file_get(object, "pid", json_type_int, &pid) ||
	    !json_file_get(object, "started_ns", json_type_int, &started) ||
	    !json_file_get(object, "options", json_type_object, &options) ||
	    json_object_get_string_len(backend) >= (int)sizeof(descriptor->backend) ||
	    json_object_get_int64(pid) < 0 || json_object_get_int64(pid) > INT_MAX)
		return -EBADMSG;
	strcpy(descriptor->backend, json_object_get_string(backend));
	descriptor->pid = (pid_t)json_object_get_int64(pid);
	descriptor->started_ns = json_object_get_int64(started);
	for (size_t i = 0; i < vm_option_count; i++) {
		struct json_object *value;
		int r;

		if (!json_object_object_get_ex(options, vm_option_table[i].name, &value))
			continue;
		r = option_from_json(&descriptor->options, &vm_option_table[i], value);
		if (r < 0)
			return r;
	}
	return 0;
}

int descriptor_read(const char *path, struct descriptor *descriptor)
{
	_cleanup_json_ struct json_object *object = NULL;
	int r;

	*descriptor = (struct descriptor){0};
	r = json_file_read(path, DESCRIPTOR_FILE, &object);
	if (r == 0)
		r = read_object(object, descriptor);
	if (r < 0)
		descriptor_free(descriptor);
	return r;
}

void descriptor_free(struct descriptor *descriptor)
{
	vm_options_free(&descriptor->options);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/start.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

char *start_absolute(const char *path)
{
	char folder[PATH_MAX], *absolute;

	if (*path == '/')
		return strdup(path);
	if (!getcwd(folder, sizeof(folder)) || asprintf(&absolute, "%s/%s", folder, path) < 0)
		return NULL;
	return absolute;
}

static bool add_text(DBusMessageIter *options, const char *key, const char *text)
{
	return !text || client_add_option(options, key, DBUS_TYPE_STRING, &text);
}

static bool add_path(DBusMessageIter *options, const char *key, const char *path)
{
	_cleanup_free_ char *absolute = path ? start_absolute(path) : NULL;

	return !path || (absolute && add_text(options, key, absolute));
}

static bool add_items(DBusMessageIter *variant, const struct option_list *list, bool paths)
{
	DBusMessageIter array;

	if (!dbus_message_iter_open_container(variant, DBUS_TYPE_ARRAY, "s", &array))
		return false;
	for (size_t i = 0; i < list->count; i++) {
		_cleanup_free_ char *item =
			paths ? start_absolute(list->items[i]) : strdup(list->items[i]);

		if (!item || !dbus_message_iter_append_basic(&array, DBUS_TYPE_STRING, &item))
			return false;
	}
	return dbus_message_iter_close_container(variant, &array);
}

static bool add_list(DBusMessageIter *options, const char *key, const struct option_list *list,
		     bool paths)
{
	DBusMessageIter entry, variant;

	if (list->count == 0)
		return true;
	return dbus_message_iter_open_container(options, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
	       dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key) &&
	       dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "as", &variant) &&
	       add_items(&variant, list, paths) &&
	       dbus_message_iter_close_container(&entry, &variant) &&
	       dbus_message_iter_close_container(options, &entry);
}

/* "ADDRESS,password-file=FILE,…" with its files' paths made absolute; NULL without memory. */
static char *absolute_files(const char *text)
{
	static const char *const keys[] = {"password-file=", "tls-certificate=", "tls-key="};
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *word, *bytes = NULL;
	size_t length = 0;
	FILE *file = copy ? open_memstream(&bytes, &length) : NULL;

	if (!file)
		return NULL;
	while ((word = strsep(&rest, ",")) != NULL) {
		_cleanup_free_ char *path = NULL;
		size_t skip = 0;

		for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
			if (strncmp(word, keys[i], strlen(keys[i])) == 0)
				skip = strlen(keys[i]);
		}
		if (skip > 0)
			path = start_absolute(word + skip);
		fprintf(file, "%s%.*s%s", word == copy ? "" : ",", (int)skip, word,
			path ? path : word + skip);
	}
	if (fclose(file) != 0) {
		free(bytes);
		return NULL;
	}
	return bytes;
}

static bool add_all(DBusMessageIter *dictionary, const struct start_options *options)
{
	dbus_uint32_t cpus = (dbus_uint32_t)options->cpus, heads = (dbus_uint32_t)options->heads;
	_cleanup_free_ char *vnc = options->vnc ? absolute_files(options->vnc) : NULL;
	dbus_uint64_t memory = options->memory_bytes, least = options->memory_min_bytes;
	dbus_uint64_t shares = options->memory_shares, most = options->memory_most_bytes;

	if (options->vnc && !vnc)
		return false;
	return add_path(dictionary, "kernel", options->kernel) &&
	       add_path(dictionary, "initrd", options->initrd) &&
	       add_text(dictionary, "append", options->append) &&
	       add_text(dictionary, "accel", options->accel) &&
	       add_text(dictionary, "net", options->net) &&
	       add_text(dictionary, "on_reboot", options->on_reboot) &&
	       add_text(dictionary, "on_panic", options->on_panic) &&
	       add_text(dictionary, "display", options->no_display ? "off" : NULL) &&
	       add_text(dictionary, "size", options->size) && add_text(dictionary, "vnc", vnc) &&
	       add_text(dictionary, "clipboard", options->clipboard) &&
	       (!heads || client_add_option(dictionary, "heads", DBUS_TYPE_UINT32, &heads)) &&
	       add_list(dictionary, "disks", &options->disks, true) &&
	       add_list(dictionary, "forwards", &options->forwards, false) &&
	       add_list(dictionary, "shares", &options->shares, false) &&
	       (!cpus || client_add_option(dictionary, "cpus", DBUS_TYPE_UINT32, &cpus)) &&
	       (!memory || client_add_option(dictionary, "memory", DBUS_TYPE_UINT64, &memory)) &&
	       (!most || client_add_option(dictionary, "memory_most", DBUS_TYPE_UINT64, &most)) &&
	       (!least || client_add_option(dictionary, "memory_min", DBUS_TYPE_UINT64, &least)) &&
	       (!shares ||
		client_add_option(dictionary, "memory_shares", DBUS_TYPE_UINT64, &shares)) &&
	       add_text(dictionary, "memory_sharing", options->memory_sharing);
}

DBusMessage *start_message(const struct start_options *options)
{
	const char *name = options->name ? options->name : "";
	DBusMessage *message = dbus_message_new_method_call(NULL, LODGE_MANAGER_PATH,
							    LODGE_MANAGER_INTERFACE, "StartVM");
	DBusMessageIter arguments, dictionary;
	bool good;

	if (!message)
		return NULL;
	dbus_message_iter_init_append(message, &arguments);
	good = dbus_message_iter_append_basic(&arguments, DBUS_TYPE_STRING, &name) &&
	       dbus_message_iter_open_container(&arguments, DBUS_TYPE_ARRAY, "{sv}", &dictionary) &&
	       add_all(&dictionary, options) &&
	       dbus_message_iter_close_container(&arguments, &dictionary);
	if (good)
		return message;
	dbus_message_unref(message);
	return NULL;
}

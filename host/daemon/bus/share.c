/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.lodge1.VM: shared folders. */
#include "host/daemon/bus/internal.h"

#include "host/daemon/lodged.h"
#include "host/daemon/share/vm_shares.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_ended(struct call *call)
{
	if (call->vm->shares && call->vm->state != VM_STOPPED)
		return false;
	call_fail(call, BUS_ERROR(Failed), "'%s' has ended", call->vm->name);
	return true;
}

/* --- Adding --------------------------------------------------------------------------------- */

/* Strings are copied where they are kept. Return: what is wrong with it; NULL: nothing. */
static const char *read_option(struct share_spec *spec, const char *key, DBusMessageIter *variant)
{
	int type = dbus_message_iter_get_arg_type(variant);
	DBusBasicValue value;

	if (type != DBUS_TYPE_STRING && type != DBUS_TYPE_BOOLEAN)
		return "is of another type";
	dbus_message_iter_get_basic(variant, &value);
	if (strcmp(key, "read_only") == 0 && type == DBUS_TYPE_BOOLEAN) {
		spec->read_only = value.bool_val;
		return NULL;
	}
	if (type != DBUS_TYPE_STRING)
		return "is not known, or of another type";
	if (strcmp(key, "at") == 0) {
		free(spec->at);
		spec->at = strdup(value.str);
		return spec->at ? NULL : "finds no memory";
	}
	if (strcmp(key, "options") == 0 && strlen(value.str) < sizeof(spec->options))
		strcpy(spec->options, value.str);
	else if (strcmp(key, "cache") == 0 && strlen(value.str) < sizeof(spec->cache))
		strcpy(spec->cache, value.str);
	else if (strcmp(key, "owner") == 0 && strlen(value.str) < sizeof(spec->owner))
		strcpy(spec->owner, value.str);
	else
		return "is not known, or has no such value";
	return NULL;
}

/* false: it makes no sense, in @error. */
static bool read_spec(DBusMessage *message, struct share_spec *spec, char *error, size_t capacity)
{
	DBusMessageIter iter, dict, entry, variant;
	const char *name, *directory, *key, *wrong = NULL;

	*spec = (struct share_spec){.cache = "auto"};
	dbus_message_iter_init(message, &iter);
	dbus_message_iter_get_basic(&iter, &name);
	dbus_message_iter_next(&iter);
	dbus_message_iter_get_basic(&iter, &directory);
	dbus_message_iter_next(&iter);
	snprintf(spec->name, sizeof(spec->name), "%s", strlen(name) <= SHARE_NAME_MAX ? name : "");
	spec->directory = strdup(directory);
	if (!spec->directory) {
		snprintf(error, capacity, "out of memory");
		return false;
	}
	dbus_message_iter_recurse(&iter, &dict);
	for (; dbus_message_iter_get_arg_type(&dict) == DBUS_TYPE_DICT_ENTRY && !wrong;
	     dbus_message_iter_next(&dict)) {
		dbus_message_iter_recurse(&dict, &entry);
		dbus_message_iter_get_basic(&entry, &key);
		dbus_message_iter_next(&entry);
		dbus_message_iter_recurse(&entry, &variant);
		wrong = read_option(spec, key, &variant);
	}
	if (wrong)
		snprintf(error, capacity, "a share's option '%.40s' %s", key, wrong);
	return !wrong && share_spec_check(spec, error, capacity) == 0;
}

static void added(void *owner, int error, const char *text)
{
	call_done(owner, error, text);
}

static void add_now(struct call *call)
{
	struct share_spec spec;
	char error[512];

	if (has_ended(call))
		return;
	if (read_spec(call->message, &spec, error, sizeof(error)))
		vm_share_add(call->vm, &spec, added, call);
	else
		call_fail(call, BUS_ERROR(InvalidArgument), "%s", error);
}

void add_share(struct call *call)
{
	struct share_spec spec;
	char error[512];
	int r = 0;

	if (has_ended(call))
		return;
	if (!read_spec(call->message, &spec, error, sizeof(error)))
		r = -EINVAL;
	if (r == 0)
		r = share_spec_check_directory(&spec, error, sizeof(error));
	share_spec_free(&spec);
	if (r < 0)
		call_done(call, r, error);
	else if (call->vm->state == VM_STARTING)
		call_fail(call, BUS_ERROR(Busy), "'%s' is starting", call->vm->name);
	else
		/* A guest that Lodge did not start needs its agent's channel. */
		call_with_port(call, BACKEND_PORT_AGENT, add_now);
}

/* --- Removing, listing ---------------------------------------------------------------------- */

void remove_share(struct call *call)
{
	const char *name;

	if (has_ended(call))
		return;
	dbus_message_get_args(call->message, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
	if (vm_share_remove(call->vm, name) == 0)
		call_done(call, 0, "");
	else
		call_fail(call, BUS_ERROR(NotFound), "'%s' has no share '%.64s'", call->vm->name,
			  name);
}

static void append_share(DBusMessageIter *array, const struct vm_share_state *state)
{
	const struct share_spec *spec = state->spec;
	const char *at = spec->at ? spec->at : "", *name = spec->name, *cache = spec->cache;
	const char *owner = spec->owner, *options = spec->options;
	char text[512];
	const char *trouble = text;
	dbus_bool_t read_only = spec->read_only;
	dbus_uint32_t mounts = state->mounts;
	DBusMessageIter dict;

	snprintf(text, sizeof(text), "%s", state->trouble);
	message_make_valid(text);
	dbus_message_iter_open_container(array, DBUS_TYPE_ARRAY, "{sv}", &dict);
	append_basic(&dict, "name", DBUS_TYPE_STRING, &name);
	append_basic(&dict, "directory", DBUS_TYPE_STRING, &spec->directory);
	append_basic(&dict, "at", DBUS_TYPE_STRING, &at);
	append_basic(&dict, "options", DBUS_TYPE_STRING, &options);
	append_basic(&dict, "read_only", DBUS_TYPE_BOOLEAN, &read_only);
	append_basic(&dict, "cache", DBUS_TYPE_STRING, &cache);
	append_basic(&dict, "owner", DBUS_TYPE_STRING, &owner);
	append_basic(&dict, "state", DBUS_TYPE_STRING, &state->state);
	append_basic(&dict, "trouble", DBUS_TYPE_STRING, &trouble);
	append_basic(&dict, "mounts", DBUS_TYPE_UINT32, &mounts);
	dbus_message_iter_close_container(array, &dict);
}

void list_shares(struct call *call)
{
	DBusMessage *reply = call_new_reply(call);
	struct vm_share_state state;
	DBusMessageIter iter, array;

	dbus_message_iter_init_append(reply, &iter);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "a{sv}", &array);
	for (size_t i = 0; vm_share_at(call->vm, i, &state); i++)
		append_share(&array, &state);
	dbus_message_iter_close_container(&iter, &array);
	call_reply(call, reply);
}

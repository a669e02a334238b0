/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/bus/internal.h"

#include "host/daemon/lodged.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call *call_keep(const struct call *call)
{
	struct call *kept = malloc(sizeof(*kept));

	if (!kept)
		return NULL;
	*kept = *call;
	dbus_connection_ref(kept->connection);
	dbus_message_ref(kept->message);
	return kept;
}

void call_reply(struct call *call, DBusMessage *reply)
{
	if (reply) {
		dbus_connection_send(call->connection, reply, NULL);
		dbus_message_unref(reply);
	}
	dbus_connection_unref(call->connection);
	dbus_message_unref(call->message);
	free(call);
}

DBusMessage *call_new_reply(struct call *call)
{
	return dbus_message_new_method_return(call->message);
}

void message_make_valid(char *text)
{
	if (dbus_validate_utf8(text, NULL))
		return;
	for (char *at = text; *at; at++)
		*at = *at & 0x80 ? '?' : *at;
}

void call_fail(struct call *call, const char *name, const char *format, ...)
{
	char text[1024];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	message_make_valid(text);
	call_reply(call, dbus_message_new_error(call->message, name, text));
}

static const char *error_name(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{EINVAL, BUS_ERROR(InvalidArgument)},
		{ENODEV, BUS_ERROR(NoAccelerator)},
		{ENOENT, BUS_ERROR(NotFound)},
		{EEXIST, BUS_ERROR(AlreadyExists)},
		{EBUSY, BUS_ERROR(Busy)},
		{ETIMEDOUT, BUS_ERROR(TimedOut)},
		{ENOSPC, BUS_ERROR(NoMemory)},
		{ENOTCONN, BUS_ERROR(AgentUnavailable)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].error == -error)
			return names[i].name;
	}
	return BUS_ERROR(Failed);
}

void call_done(struct call *call, int error, const char *text)
{
	if (error == 0)
		call_reply(call, call_new_reply(call));
	else
		call_fail(call, error_name(error), "%s", text);
}

void append_basic(DBusMessageIter *dict, const char *key, int type, const void *value)
{
	const char signature[] = {(char)type, '\0'};
	DBusMessageIter entry, variant;

	dbus_message_iter_open_container(dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
	dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key);
	dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, signature, &variant);
	dbus_message_iter_append_basic(&variant, type, value);
	dbus_message_iter_close_container(&entry, &variant);
	dbus_message_iter_close_container(dict, &entry);
}

void append_text(DBusMessageIter *iter, const char *text)
{
	dbus_message_iter_append_basic(iter, DBUS_TYPE_STRING, &text);
}

/* Ids hold letters, digits, '/', '-', '_' and '.'; paths only the first three and '_': the others
 * are written as '_' and two hexadecimal digits. */
void vm_object_path(const struct vm *vm, char path[BUS_PATH_MAX])
{
	size_t length = (size_t)sprintf(path, "%s/", BUS_PATH_MANAGER);

	for (const char *at = vm->id; *at; at++) {
		if (*at == '-' || *at == '_' || *at == '.')
			length += (size_t)sprintf(path + length, "_%02x", (unsigned int)*at);
		else
			path[length++] = *at;
	}
	path[length] = '\0';
}

struct vm *vm_of_path(struct lodged *lodged, const char *path)
{
	char own[BUS_PATH_MAX];

	for (struct vm *vm = lodged->vms; vm; vm = vm->next) {
		vm_object_path(vm, own);
		if (strcmp(own, path) == 0)
			return vm;
	}
	return NULL;
}

void call_reply_fd(struct call *call, int fd)
{
	DBusMessage *reply = call_new_reply(call);

	/* libdbus duplicates it. */
	dbus_message_append_args(reply, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID);
	close(fd);
	call_reply(call, reply);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message_table - how the fields of messages are written down: one line a field
 *
 * For the files that define messages: message.c, display.c. A field's key on the wire is its name
 * in the struct.
 */
#ifndef LODGE_PROTOCOL_MESSAGE_TABLE_H
#define LODGE_PROTOCOL_MESSAGE_TABLE_H

#include "protocol/base/bytes.h"
#include "protocol/message.h"

#define BOOLEAN(type, name)                                                                        \
	{                                                                                          \
#name, FIELD_BOOL, 0, offsetof(struct type, name), 0                               \
	}
#define UINT(type, name, max)                                                                      \
	{                                                                                          \
#name, FIELD_UINT, 0, offsetof(struct type, name), max                             \
	}
#define INT(type, name)                                                                            \
	{                                                                                          \
#name, FIELD_INT, 0, offsetof(struct type, name), 0                                \
	}
#define TEXT(type, name)                                                                           \
	{                                                                                          \
#name, FIELD_TEXT, 0, offsetof(struct type, name), MESSAGE_TEXT_MAX                \
	}
#define PATH(type, name)                                                                           \
	{                                                                                          \
#name, FIELD_BYTES, 0, offsetof(struct type, name), MESSAGE_PATH_MAX               \
	}
#define ITEMS(type, name)                                                                          \
	{                                                                                          \
#name, FIELD_ITEMS, 0, offsetof(struct type, name), MESSAGE_ITEMS_MAX              \
	}
#define DATA(type, name, max)                                                                      \
	{                                                                                          \
#name, FIELD_DATA, 0, offsetof(struct type, name), max                             \
	}
/* The same, and the message is refused without it. */
#define NEED_UINT(type, name, max)                                                                 \
	{                                                                                          \
#name, FIELD_UINT, FIELD_REQUIRED, offsetof(struct type, name), max                \
	}
#define NEED_TEXT(type, name)                                                                      \
	{                                                                                          \
#name, FIELD_TEXT, FIELD_REQUIRED, offsetof(struct type, name), MESSAGE_TEXT_MAX   \
	}
#define NEED_PATH(type, name)                                                                      \
	{                                                                                          \
#name, FIELD_BYTES, FIELD_REQUIRED, offsetof(struct type, name), MESSAGE_PATH_MAX  \
	}

#define MESSAGE(type, ...)                                                                         \
	static const struct message_field type##_fields[] = {__VA_ARGS__};                         \
	_Static_assert(ARRAY_SIZE(type##_fields) <= 64, "decode_map() has a bit for each");        \
	const struct message_type message_##type = {type##_fields, ARRAY_SIZE(type##_fields)}

#define ANY UINT64_MAX

#endif

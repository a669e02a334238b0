/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json_file - what lodged keeps for the next one
 *
 * Written beside its final name and renamed, so that it is there whole or not at all. Read as if
 * anybody could have written it.
 */
#ifndef LODGE_DAEMON_JSON_FILE_H
#define LODGE_DAEMON_JSON_FILE_H

#include <json-c/json.h>
#include <stdbool.h>

#define JSON_FILE_MAX (64 * 1024)

static inline void cleanup_json(struct json_object **object)
{
	json_object_put(*object);
}

#define _cleanup_json_ _cleanup_(cleanup_json)

/* @object stays the caller's. 0 or -errno. */
int json_file_write(const char *folder, const char *file, struct json_object *object);

/* 0 with an object, of type object; -EBADMSG: it is none, or too long; -errno. */
int json_file_read(const char *folder, const char *file, struct json_object **object);

/* true: there is one of that type. */
bool json_file_get(struct json_object *object, const char *key, enum json_type type,
		   struct json_object **value);

#endif

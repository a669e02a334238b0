/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json - JSON (RFC 8259) to a stream, value by value
 *
 * Commas come by themselves. Texts are escaped; bytes that are not ASCII are passed on as they are,
 * and it is the caller's part that they are UTF-8.
 */
#ifndef LODGE_TOOLBOX_JSON_H
#define LODGE_TOOLBOX_JSON_H

#include "protocol/cbor.h"

#include <stdio.h>

struct json {
	FILE *file;
	bool comma; /* is due before the next value */
};

/* @name: NULL in arrays and at the top. */
void json_text(struct json *json, const char *name, struct slice text);
void json_number(struct json *json, const char *name, uint64_t number);
void json_bool(struct json *json, const char *name, bool value);
/* @bracket: '{' or '[', and '}' or ']'. */
void json_open(struct json *json, const char *name, char bracket);
void json_close(struct json *json, char bracket);

#endif

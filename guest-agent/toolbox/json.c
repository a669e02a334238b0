/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/toolbox/json.h"

#include <inttypes.h>

static void put_string(FILE *file, struct slice text)
{
	fputc('"', file);
	for (size_t i = 0; i < text.length; i++) {
		const uint8_t byte = text.bytes[i];

		if (byte == '"' || byte == '\\')
			fprintf(file, "\\%c", byte);
		else if (byte < 0x20 || byte == 0x7f)
			fprintf(file, "\\u%04x", byte);
		else
			fputc(byte, file);
	}
	fputc('"', file);
}

static void begin(struct json *json, const char *name)
{
	if (json->comma)
		fputc(',', json->file);
	json->comma = true;
	if (name) {
		put_string(json->file, slice_of(name));
		fputc(':', json->file);
	}
}

void json_text(struct json *json, const char *name, struct slice text)
{
	begin(json, name);
	put_string(json->file, text);
}

void json_number(struct json *json, const char *name, uint64_t number)
{
	begin(json, name);
	fprintf(json->file, "%" PRIu64, number);
}

void json_bool(struct json *json, const char *name, bool value)
{
	begin(json, name);
	fputs(value ? "true" : "false", json->file);
}

void json_open(struct json *json, const char *name, char bracket)
{
	begin(json, name);
	fputc(bracket, json->file);
	json->comma = false;
}

void json_close(struct json *json, char bracket)
{
	fputc(bracket, json->file);
	json->comma = true;
}

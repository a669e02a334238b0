/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/cbor_json.h"
#include "host/cli/text.h"
#include "protocol/base/cleanup.h"

static struct json_object *convert(struct cbor_reader *reader);

static struct json_object *convert_text(struct slice text)
{
	_cleanup_free_ char *clean = text_clean(text);

	return clean ? json_object_new_string(clean) : NULL;
}

static struct json_object *convert_array(struct cbor_reader *reader)
{
	struct json_object *array = json_object_new_array();

	for (uint64_t left = cbor_get_array(reader); left > 0 && !reader->error; left--)
		json_object_array_add(array, convert(reader));
	return array;
}

static struct json_object *convert_map(struct cbor_reader *reader)
{
	struct json_object *object = json_object_new_object();

	for (uint64_t left = cbor_get_map(reader); left > 0 && !reader->error; left--) {
		_cleanup_free_ char *key = text_clean(cbor_get_text(reader));
		struct json_object *value = convert(reader);

		if (key)
			json_object_object_add(object, key, value);
		else
			json_object_put(value);
	}
	return object;
}

/* As deep as cbor_get_raw() lets a map be. */
static struct json_object *convert(struct cbor_reader *reader)
{
	switch (cbor_peek(reader)) {
	case CBOR_UINT:
		return json_object_new_uint64(cbor_get_uint(reader));
	case CBOR_NEGATIVE:
		return json_object_new_int64(cbor_get_int(reader));
	case CBOR_BYTES:
		return convert_text(cbor_get_bytes(reader));
	case CBOR_TEXT:
		return convert_text(cbor_get_text(reader));
	case CBOR_ARRAY:
		return convert_array(reader);
	case CBOR_MAP:
		return convert_map(reader);
	case CBOR_BOOL:
		return json_object_new_boolean(cbor_get_bool(reader));
	default:
		cbor_skip(reader);
		return NULL;
	}
}

struct json_object *cbor_to_json(struct slice map)
{
	struct cbor_reader reader = CBOR_READER(map);
	struct slice whole = cbor_get_raw(&reader);
	struct json_object *object;

	if (cbor_finish(&reader) < 0)
		return NULL;
	reader = CBOR_READER(whole);
	if (cbor_peek(&reader) != CBOR_MAP)
		return NULL;
	object = convert_map(&reader);
	if (reader.error) {
		json_object_put(object);
		return NULL;
	}
	return object;
}

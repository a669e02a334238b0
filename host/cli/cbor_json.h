/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cbor_json - a guest's CBOR map as JSON, text cleaned (see text.h)
 */
#ifndef LODGE_CLI_CBOR_JSON_H
#define LODGE_CLI_CBOR_JSON_H

#include "protocol/cbor.h"

#include <json-c/json.h>

/* @map: untrusted. Return: a new object; NULL if it is no well-formed map. */
struct json_object *cbor_to_json(struct slice map);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json - text of others inside a JSON document */
#ifndef LODGE_HTTP_JSON_H
#define LODGE_HTTP_JSON_H

#include "protocol/cbor.h"

/* What json_put() may make of a text, and NUL. */
#define JSON_SIZE(length) (6 * (length) + 1)

/* @text as the inside of a JSON string, without its quotes; what is no UTF-8 becomes '?', what does
 * not fit is left out. @size at least 8. */
void json_put(struct slice text, char *json, size_t size);

#endif

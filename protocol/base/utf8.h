/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* utf8 - characters in untrusted bytes (RFC 3629: shortest form, no surrogates) */
#ifndef LODGE_BASE_UTF8_H
#define LODGE_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/**
 * utf8_character() - the character at the start of @bytes
 * @bytes:	what there is
 * @length:	of it, at least 1
 * @character:	its code point, set on success only
 *
 * Return: the bytes it takes, 1 to 4; 0 if this is no UTF-8, or cut.
 */
size_t utf8_character(const uint8_t *bytes, size_t length, uint32_t *character);

#endif

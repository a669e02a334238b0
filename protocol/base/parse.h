/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parse - numbers that people and peers write, read by one helper
 *
 * The whole string must be the number: no sign, no white space, nothing behind it.
 */
#ifndef LODGE_BASE_PARSE_H
#define LODGE_BASE_PARSE_H

#include <stdint.h>

/**
 * parse_u64() - a decimal number, or hexadecimal after 0x
 * @text:	NUL-terminated
 * @min:	smallest value accepted
 * @max:	largest value accepted
 * @value:	set on success only
 *
 * Return: 0; -EINVAL if @text is no number; -ERANGE if it is outside @min..@max.
 */
int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/**
 * parse_size() - a size in bytes: a number and an optional K, M, G or T (powers of 1024)
 * @text:	NUL-terminated, such as "512M" or "2GiB"
 * @size_bytes:	set on success only
 *
 * Return: 0; -EINVAL if @text is no size; -ERANGE if it does not fit.
 */
int parse_size(const char *text, uint64_t *size_bytes);

/**
 * format_size() - a size for people: three digits and a unit ("1.50 GiB")
 * @size_bytes:	the size
 * @text:	receives a NUL-terminated string
 * @capacity:	of @text in bytes, 16 is enough for any size
 *
 * Return: @text.
 */
char *format_size(uint64_t size_bytes, char *text, unsigned int capacity);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bytes - integers in byte buffers, and sizes that cannot wrap
 *
 * Loads and stores take any alignment. The checked sums say true when the result does not fit.
 */
#ifndef LODGE_BASE_BYTES_H
#define LODGE_BASE_BYTES_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/param.h> /* MIN, MAX */

#define ARRAY_SIZE(array)		    (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

static inline uint16_t load_le16(const void *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return le16toh(value);
}

static inline uint32_t load_le32(const void *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return le32toh(value);
}

static inline uint64_t load_le64(const void *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return le64toh(value);
}

static inline void store_le16(void *bytes, uint16_t value)
{
	value = htole16(value);
	memcpy(bytes, &value, sizeof(value));
}

static inline void store_le32(void *bytes, uint32_t value)
{
	value = htole32(value);
	memcpy(bytes, &value, sizeof(value));
}

static inline void store_le64(void *bytes, uint64_t value)
{
	value = htole64(value);
	memcpy(bytes, &value, sizeof(value));
}

/* true: the sum or product does not fit and @result is not to be used. */
static inline bool add_overflows(size_t a, size_t b, size_t *result)
{
	return __builtin_add_overflow(a, b, result);
}

static inline bool multiply_overflows(size_t a, size_t b, size_t *result)
{
	return __builtin_mul_overflow(a, b, result);
}

#endif

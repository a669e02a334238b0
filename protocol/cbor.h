/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cbor - control messages in bytes (RFC 8949), without allocation
 *
 * The writer puts items into a buffer of the caller and remembers overflow; the reader walks
 * untrusted bytes and remembers the first error. Both can be driven to the end without looking at
 * each step: check once, at the end. What is accepted is a subset: definite lengths only, no tags,
 * no floats, text must be UTF-8, nesting at most CBOR_MAX_DEPTH. Integers are written in
 * their shortest form and accepted in any.
 *
 * Why not libcbor: the guest's programs are static and distributions ship no static libcbor, and
 * its reader allocates what the peer's lengths say.
 */
#ifndef LODGE_PROTOCOL_CBOR_H
#define LODGE_PROTOCOL_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CBOR_MAX_DEPTH 16

/* Bytes that somebody else owns. */
struct slice {
	const uint8_t *bytes;
	size_t length;
};

/* A string literal, a C string, and comparison with one. */
#define SLICE_LITERAL(text) ((struct slice){(const uint8_t *)(text), sizeof(text) - 1})
struct slice slice_of(const char *text);
bool slice_is(struct slice slice, const char *text);

enum cbor_type {
	CBOR_UINT,
	CBOR_NEGATIVE,
	CBOR_BYTES,
	CBOR_TEXT,
	CBOR_ARRAY,
	CBOR_MAP,
	CBOR_BOOL,
	CBOR_NULL,
	CBOR_NOTHING, /* end of the bytes, or an error before */
};

struct cbor_writer {
	uint8_t *bytes;
	size_t capacity;
	size_t length; /* written; nothing more is written after an overflow */
	bool overflow;
};

#define CBOR_WRITER(array) ((struct cbor_writer){.bytes = (array), .capacity = sizeof(array)})

void cbor_put_uint(struct cbor_writer *writer, uint64_t value);
void cbor_put_int(struct cbor_writer *writer, int64_t value);
void cbor_put_bytes(struct cbor_writer *writer, struct slice bytes);
/* The caller vouches for UTF-8; bytes that are not valid UTF-8 are replaced by '?' one for one. */
void cbor_put_text(struct cbor_writer *writer, struct slice text);
void cbor_put_bool(struct cbor_writer *writer, bool value);
void cbor_put_null(struct cbor_writer *writer);
void cbor_put_array(struct cbor_writer *writer, uint64_t count);
void cbor_put_map(struct cbor_writer *writer, uint64_t pairs);
/* Items encoded elsewhere, copied as they are. */
void cbor_put_raw(struct cbor_writer *writer, struct slice items);
/* What was written, or an empty slice after an overflow. */
struct slice cbor_written(const struct cbor_writer *writer);

struct cbor_reader {
	const uint8_t *bytes;
	size_t length;
	size_t at;
	int error; /* 0, or -EBADMSG once anything did not fit; then every get gives nothing */
};

#define CBOR_READER(slice) ((struct cbor_reader){.bytes = (slice).bytes, .length = (slice).length})

/* The type of the next item, which stays there. */
enum cbor_type cbor_peek(const struct cbor_reader *reader);
uint64_t cbor_get_uint(struct cbor_reader *reader);
int64_t cbor_get_int(struct cbor_reader *reader);
bool cbor_get_bool(struct cbor_reader *reader);
/* Point into the reader's bytes. */
struct slice cbor_get_bytes(struct cbor_reader *reader);
struct slice cbor_get_text(struct cbor_reader *reader);
/* Number of elements or pairs that follow; never more than the bytes left could hold. */
uint64_t cbor_get_array(struct cbor_reader *reader);
uint64_t cbor_get_map(struct cbor_reader *reader);
/* The next item as encoded bytes, checked to be well-formed to its end; the reader moves on. */
struct slice cbor_get_raw(struct cbor_reader *reader);
void cbor_skip(struct cbor_reader *reader);
/* 0 when all bytes were read without an error, else -EBADMSG. */
int cbor_finish(const struct cbor_reader *reader);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bus_message - D-Bus messages as bytes (D-Bus specification, "Message Protocol"), without I/O
 *
 * In the byte order of this machine: both ends are on it. Bodies are written and read value by
 * value; who reads compares the signature first. Strings of a message that was read lie in its
 * bytes, are valid UTF-8 and end with NUL.
 */
#ifndef LODGE_SCREEN_BUS_MESSAGE_H
#define LODGE_SCREEN_BUS_MESSAGE_H

#include "protocol/cbor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUS_MAX_ARRAY	 (64U << 20)  /* of the specification: what one array may hold */
#define BUS_MAX_MESSAGE	 (128U << 20) /* likewise, all of it */
#define BUS_MAX_FIELDS	 8192U	      /* ours: header fields of a peer */
#define BUS_FIXED_HEADER 16U

enum bus_type {
	BUS_CALL = 1,
	BUS_REPLY = 2,
	BUS_ERROR = 3,
	BUS_SIGNAL = 4,
};

#define BUS_NO_REPLY 1U /* flags */

struct bus_message {
	enum bus_type type;
	uint8_t flags;
	uint32_t serial, reply_serial;
	const char *path, *interface, *member, *error; /* NULL: absent */
	const char *signature;			       /* "" if there is no body */
	uint32_t fds;				       /* that belong to it */
	struct slice body;
};

/**
 * bus_message_size() - how long the message is whose first BUS_FIXED_HEADER bytes these are
 *
 * Return: 0; -EBADMSG: that is none, or not of this byte order; -EMSGSIZE: its fields are more than
 * BUS_MAX_FIELDS, or all of it more than BUS_MAX_MESSAGE.
 */
int bus_message_size(const uint8_t header[BUS_FIXED_HEADER], size_t *size);

/* A message, as a whole. 0; -EBADMSG. */
int bus_message_parse(const uint8_t *bytes, size_t length, struct bus_message *message);

/* --- Writing ---------------------------------------------------------------------------------- */

/* Begins as zeroes; grows; once there was no memory nothing more is written, and it says so. */
struct bus_writer {
	uint8_t *bytes;
	size_t length, capacity;
	bool failed; /* no memory, or more than a message may be */
};

void bus_put_byte(struct bus_writer *writer, uint8_t value);
void bus_put_bool(struct bus_writer *writer, bool value);
void bus_put_u16(struct bus_writer *writer, uint16_t value);
void bus_put_u32(struct bus_writer *writer, uint32_t value);
void bus_put_i32(struct bus_writer *writer, int32_t value);
void bus_put_u64(struct bus_writer *writer, uint64_t value);
/* Also for object paths. Must be UTF-8. */
void bus_put_string(struct bus_writer *writer, const char *text);
void bus_put_signature(struct bus_writer *writer, const char *signature);
/* @align: of the elements: 1, 2, 4 or 8 (structs, dictionary entries). Return: for
 * bus_end_array(). */
size_t bus_begin_array(struct bus_writer *writer, size_t align);
void bus_end_array(struct bus_writer *writer, size_t begun, size_t align);
/* A struct or dictionary entry follows. */
void bus_begin_struct(struct bus_writer *writer);
/* "ay" of @length bytes, which are to be filled in: valid until more is written. NULL without
 * memory. */
uint8_t *bus_put_bytes(struct bus_writer *writer, size_t length);
void bus_writer_free(struct bus_writer *writer);

/* The header of @message, up to where its body begins; @message->body.length counts. */
void bus_put_header(struct bus_writer *writer, const struct bus_message *message);

/* --- Reading ---------------------------------------------------------------------------------- */

struct bus_reader {
	const uint8_t *bytes;
	size_t length, at;
	int error; /* 0, or -EBADMSG once anything did not fit; then every get gives nothing */
};

struct bus_reader bus_read(const struct bus_message *message);
uint8_t bus_get_byte(struct bus_reader *reader);
bool bus_get_bool(struct bus_reader *reader);
uint16_t bus_get_u16(struct bus_reader *reader);
uint32_t bus_get_u32(struct bus_reader *reader);
int32_t bus_get_i32(struct bus_reader *reader);
uint64_t bus_get_u64(struct bus_reader *reader);
const char *bus_get_string(struct bus_reader *reader);	  /* "" on failure */
const char *bus_get_signature(struct bus_reader *reader); /* likewise */
/* Where the array ends; elements are read while reader->at is less. The position itself on failure.
 */
size_t bus_get_array(struct bus_reader *reader, size_t align);
struct slice bus_get_bytes(struct bus_reader *reader); /* "ay" */
void bus_get_struct(struct bus_reader *reader);
/* One complete value of that single type; of arrays too, nested no deeper than 8. */
void bus_skip(struct bus_reader *reader, const char *signature);

#endif

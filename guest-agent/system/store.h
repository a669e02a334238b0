/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * store - the texts and lists an answer is made of, in one piece of memory of bounded size
 *
 * What does not fit is left out: an answer is cut rather than refused.
 */
#ifndef LODGE_GUEST_SYSTEM_STORE_H
#define LODGE_GUEST_SYSTEM_STORE_H

#include "protocol/message.h"

#include <stdbool.h>
#include <sys/types.h>

/* Less than a control message may hold, with room for the fixed fields. */
#define STORE_BYTES (56 * 1024)

struct store {
	size_t used;
	uint8_t bytes[STORE_BYTES];
};

/* Empty when it does not fit. */
struct slice store_text(struct store *store, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The contents of a small file up to the first line's end; empty when it cannot be read. */
struct slice store_line(struct store *store, const char *path);

/* A list in the making; nothing else may be stored until store_items_end(). */
struct store_items {
	struct store *store;
	struct cbor_writer writer;
	uint64_t count;
};

struct store_items store_items_begin(struct store *store);
/* Return: was there room? */
bool store_items_add(struct store_items *items, const struct message_type *type,
		     const void *message);
bool store_items_add_text(struct store_items *items, struct slice text);
/* An encoded array; lives as long as the store. Empty for an empty list. */
struct slice store_items_end(struct store_items *items);

/* The first line of a small file, without its end. Return: length, or negative errno. */
ssize_t read_line(const char *path, char *text, size_t capacity);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vectors - the golden bytes of protocol/vectors: one a line, '#' begins a comment */
#ifndef LODGE_TESTS_PROTOCOL_VECTORS_H
#define LODGE_TESTS_PROTOCOL_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#define VECTOR_MAX 512

/* Hexadecimal digits and blanks, up to the end or a '#'. Return: the number of bytes. */
size_t vector_bytes(const char *text, uint8_t bytes[VECTOR_MAX]);

/* Calls @check for each vector of a file; there must be some. */
void each_vector(const char *file, void (*check)(const char *line));

#endif

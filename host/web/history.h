/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * history - the last points in time, each a text, numbered from 1
 *
 * Old ones go when there are too many, or too many bytes of them.
 */
#ifndef LODGE_WEB_HISTORY_H
#define LODGE_WEB_HISTORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HISTORY_POINTS	  900
#define HISTORY_MAX_BYTES (32U << 20)

struct history;

/* NULL without memory. */
struct history *history_new(void);
void history_free(struct history *history);

/* The number that the next point gets. */
uint64_t history_next(const struct history *history);
/* @text becomes the history's, NUL-terminated, of @length bytes. */
void history_add(struct history *history, char *text, size_t length);
/* Writes what is newer than number @since, with commas between. */
void history_write(const struct history *history, uint64_t since, FILE *file);

#endif

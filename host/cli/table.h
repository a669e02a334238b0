/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table - rows of text in columns as wide as they need to be
 */
#ifndef LODGE_CLI_TABLE_H
#define LODGE_CLI_TABLE_H

#include <stddef.h>
#include <stdio.h>

#define TABLE_MAX_COLUMNS 10

struct table {
	size_t columns;
	char **cells; /* row by row */
	size_t count;
};

/* @titles: of the columns, at most TABLE_MAX_COLUMNS. */
int table_init(struct table *table, const char *const titles[], size_t columns);

/* The next cell, left to right, row after row; cleaned (see text.h) and copied. An empty one is
 * shown as "-". Return: 0 or -ENOMEM. */
int table_add(struct table *table, const char *text);

void table_print(const struct table *table, FILE *file);

/* Frees the cells; an all-zero table is fine. */
void table_end(struct table *table);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/table.h"
#include "host/cli/text.h"
#include "protocol/base/bytes.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int table_init(struct table *table, const char *const titles[], size_t columns)
{
	assert(columns > 0 && columns <= TABLE_MAX_COLUMNS);
	*table = (struct table){.columns = columns};
	for (size_t i = 0; i < columns; i++) {
		int error = table_add(table, titles[i]);

		if (error)
			return error;
	}
	return 0;
}

int table_add(struct table *table, const char *text)
{
	char **cells = reallocarray(table->cells, table->count + 1, sizeof(*cells));

	if (!cells)
		return -ENOMEM;
	table->cells = cells;
	cells[table->count] = *text ? text_clean(slice_of(text)) : strdup("-");
	if (!cells[table->count])
		return -ENOMEM;
	table->count++;
	return 0;
}

void table_print(const struct table *table, FILE *file)
{
	size_t width[TABLE_MAX_COLUMNS] = {0};

	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns;

		width[column] = MAX(width[column], text_width(table->cells[i]));
	}
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns;

		fputs(table->cells[i], file);
		if (column + 1 == table->columns) {
			fputc('\n', file);
			continue;
		}
		for (size_t pad = text_width(table->cells[i]); pad < width[column] + 2; pad++)
			fputc(' ', file);
	}
}

void table_end(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){0};
}

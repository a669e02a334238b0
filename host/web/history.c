/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/web/history.h"

#include "protocol/base/bytes.h"

#include <stdlib.h>

struct point {
	char *text;
	size_t length;
};

/* A ring: point N is in slot N % HISTORY_POINTS. */
struct history {
	uint64_t oldest, next;
	size_t bytes;
	struct point point[HISTORY_POINTS];
};

struct history *history_new(void)
{
	struct history *history = calloc(1, sizeof(*history));

	if (history)
		history->oldest = history->next = 1;
	return history;
}

static void drop_oldest(struct history *history)
{
	struct point *point = &history->point[history->oldest++ % HISTORY_POINTS];

	history->bytes -= point->length;
	free(point->text);
	*point = (struct point){0};
}

void history_free(struct history *history)
{
	if (!history)
		return;
	while (history->oldest < history->next)
		drop_oldest(history);
	free(history);
}

uint64_t history_next(const struct history *history)
{
	return history->next;
}

void history_add(struct history *history, char *text, size_t length)
{
	while (history->oldest < history->next &&
	       (history->next - history->oldest == HISTORY_POINTS ||
		history->bytes + length > HISTORY_MAX_BYTES))
		drop_oldest(history);
	history->point[history->next++ % HISTORY_POINTS] = (struct point){text, length};
	history->bytes += length;
}

void history_write(const struct history *history, uint64_t since, FILE *file)
{
	uint64_t first = since < history->oldest ? history->oldest : since + 1;

	for (uint64_t number = first; number < history->next; number++) {
		const struct point *point = &history->point[number % HISTORY_POINTS];

		if (number > first)
			fputc(',', file);
		fwrite(point->text, 1, point->length, file);
	}
}

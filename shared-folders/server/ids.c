/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/ids.h"

#include "protocol/base/bytes.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define FIRST_CAPACITY 64

void id_table_init(struct id_table *table, uint32_t maximum)
{
	*table = (struct id_table){.used = 1, .maximum = maximum};
}

void id_table_free(struct id_table *table)
{
	free(table->slots);
	id_table_init(table, 0);
}

void id_table_draw(struct id_table *table)
{
	struct timespec now;
	uint32_t drawn;

	if (getrandom(&drawn, sizeof(drawn), GRND_NONBLOCK) != sizeof(drawn)) {
		/* A machine that has just started has nothing random yet; its clock will do. */
		clock_gettime(CLOCK_REALTIME, &now);
		drawn = (uint32_t)now.tv_nsec ^ (uint32_t)now.tv_sec << 8;
	}
	/* Where ids are shown as signed numbers they look better so. */
	table->generation = drawn & INT32_MAX;
}

static int grow(struct id_table *table)
{
	uint32_t capacity = table->capacity ? table->capacity : FIRST_CAPACITY / 2;
	struct id_slot *slots;

	if (table->used > table->maximum)
		return -ENFILE;
	capacity = (uint32_t)MIN((uint64_t)capacity * 2, (uint64_t)table->maximum + 1);
	slots = realloc(table->slots, capacity * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	table->slots = slots;
	table->capacity = capacity;
	return 0;
}

int id_table_add(struct id_table *table, void *object, uint64_t *id)
{
	uint32_t index = table->first_free;

	if (index) {
		table->first_free = table->slots[index].next_free;
	} else {
		if (table->used >= table->capacity) {
			int r = grow(table);

			if (r < 0)
				return r;
		}
		index = table->used++;
		table->slots[index].generation = table->generation;
	}
	table->slots[index].object = object;
	*id = (uint64_t)table->slots[index].generation << 32 | index;
	return 0;
}

void *id_table_get(const struct id_table *table, uint64_t id)
{
	uint32_t index = (uint32_t)id;

	if (index == 0 || index >= table->used ||
	    table->slots[index].generation != (uint32_t)(id >> 32))
		return NULL;
	return table->slots[index].object;
}

void id_table_remove(struct id_table *table, uint64_t id)
{
	uint32_t index = (uint32_t)id;

	assert(id_table_get(table, id));
	table->slots[index].object = NULL;
	table->slots[index].generation++;
	table->slots[index].next_free = table->first_free;
	table->first_free = index;
}

void *id_table_next(const struct id_table *table, uint32_t *index)
{
	while (*index < table->used) {
		uint32_t i = (*index)++;

		if (i > 0 && table->slots[i].object)
			return table->slots[i].object;
	}
	return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ids - numbers that a peer may know, for objects that it may not
 *
 * An id is an index into a table (low half) and the generation of that place (high half), which
 * changes each time the place is used again: an old or invented id finds nothing. Ids are never 0.
 * A place's first generation is the table's, drawn at random, so that neither do the ids of another
 * process that served the same peer before. The caller holds the lock that guards the table.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_IDS_H
#define LODGE_SHARED_FOLDERS_SERVER_IDS_H

#include <stdint.h>

struct id_slot {
	void *object;
	uint32_t generation;
	uint32_t next_free; /* index; 0: none */
};

struct id_table {
	struct id_slot *slots;
	uint32_t capacity, used; /* places there are, places ever used; the first is never */
	uint32_t maximum;
	uint32_t first_free;
	uint32_t generation; /* of places that were never used */
};

/* @maximum: objects at most. Generations begin with 0 until id_table_draw(). */
void id_table_init(struct id_table *table, uint32_t maximum);
void id_table_free(struct id_table *table);
/* Draw the first generation. */
void id_table_draw(struct id_table *table);

/* Return: 0 with @id set; -ENFILE: the table is full, -ENOMEM. The first id of a table is 1,
 * unless its generation was drawn before. */
int id_table_add(struct id_table *table, void *object, uint64_t *id);

/* Return: the object, NULL if there is none with this id. */
void *id_table_get(const struct id_table *table, uint64_t id);

/* The id, which has to be in the table, is no longer one. */
void id_table_remove(struct id_table *table, uint64_t id);

/* Any object with an index from *@index on, which is moved past it. Return: NULL: no more. */
void *id_table_next(const struct id_table *table, uint32_t *index);

#endif

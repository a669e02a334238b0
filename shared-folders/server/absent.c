/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/absent.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct absent *absent_new(void)
{
	struct absent *absent = calloc(1, sizeof(*absent));

	if (absent)
		pthread_mutex_init(&absent->lock, NULL);
	return absent;
}

/* With the lock. */
static void drop_first(struct absent *absent)
{
	free(absent->names[absent->first].name);
	absent->first = (absent->first + 1) % ABSENT_MAX;
	absent->count--;
}

void absent_free(struct absent *absent)
{
	if (!absent)
		return;
	while (absent->count)
		drop_first(absent);
	pthread_mutex_destroy(&absent->lock);
	free(absent);
}

bool absent_add(struct absent *absent, uint64_t folder, const char *name, uint64_t now_ms,
		uint64_t until_ms)
{
	char *copy = strdup(name);

	if (!copy)
		return false;
	pthread_mutex_lock(&absent->lock);
	while (absent->count && absent->names[absent->first].until_ms <= now_ms)
		drop_first(absent);
	if (absent->count < ABSENT_MAX) {
		absent->names[(absent->first + absent->count++) % ABSENT_MAX] =
			(struct absent_name){folder, until_ms, copy};
		copy = NULL;
	}
	pthread_mutex_unlock(&absent->lock);
	if (!copy)
		return true;
	free(copy);
	return false;
}

bool absent_take(struct absent *absent, uint64_t *folder, char *name)
{
	bool found;

	pthread_mutex_lock(&absent->lock);
	found = absent->count > 0;
	if (found) {
		const struct absent_name *first = &absent->names[absent->first];

		*folder = first->folder;
		snprintf(name, NAME_MAX + 1, "%s", first->name);
		drop_first(absent);
	}
	pthread_mutex_unlock(&absent->lock);
	return found;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * changes: a ring in the order in which the peer was told. A search goes through all of it; it is
 * short, and only the echo's requests search.
 */
#include "shared-folders/server/changes.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct pending {
	struct change change;
	uint64_t until_ms;
	bool used;
};

struct changes {
	pthread_mutex_t lock;
	uint64_t last_id;
	size_t first, count;
	struct pending *ring[CHANGES_MAX];
};

struct changes *changes_new(void)
{
	struct changes *changes = calloc(1, sizeof(*changes));

	if (changes)
		pthread_mutex_init(&changes->lock, NULL);
	return changes;
}

static void drop_first(struct changes *changes)
{
	free(changes->ring[changes->first]);
	changes->ring[changes->first] = NULL;
	changes->first = (changes->first + 1) % CHANGES_MAX;
	changes->count--;
}

void changes_free(struct changes *changes)
{
	if (!changes)
		return;
	while (changes->count)
		drop_first(changes);
	pthread_mutex_destroy(&changes->lock);
	free(changes);
}

void changes_clear(struct changes *changes)
{
	pthread_mutex_lock(&changes->lock);
	while (changes->count)
		drop_first(changes);
	pthread_mutex_unlock(&changes->lock);
}

static void drop_old(struct changes *changes, uint64_t now_ms)
{
	while (changes->count && (changes->ring[changes->first]->used ||
				  changes->ring[changes->first]->until_ms <= now_ms))
		drop_first(changes);
}

uint64_t changes_add(struct changes *changes, const struct change *change, uint64_t now_ms)
{
	struct pending *pending = malloc(sizeof(*pending));
	uint64_t id = 0;

	if (!pending)
		return 0;
	*pending = (struct pending){.change = *change, .until_ms = now_ms + CHANGES_KEEP_MS};
	pthread_mutex_lock(&changes->lock);
	drop_old(changes, now_ms);
	if (changes->count < CHANGES_MAX) {
		id = pending->change.id = ++changes->last_id;
		changes->ring[(changes->first + changes->count++) % CHANGES_MAX] = pending;
		pending = NULL;
	}
	pthread_mutex_unlock(&changes->lock);
	free(pending);
	return id;
}

void changes_withdraw(struct changes *changes, uint64_t id)
{
	pthread_mutex_lock(&changes->lock);
	if (changes->count) {
		size_t last = (changes->first + changes->count - 1) % CHANGES_MAX;

		if (changes->ring[last]->change.id == id) {
			free(changes->ring[last]);
			changes->ring[last] = NULL;
			changes->count--;
		}
	}
	pthread_mutex_unlock(&changes->lock);
}

size_t changes_count(struct changes *changes, uint64_t now_ms)
{
	size_t count;

	pthread_mutex_lock(&changes->lock);
	drop_old(changes, now_ms);
	count = changes->count;
	pthread_mutex_unlock(&changes->lock);
	return count;
}

void changes_finished(struct changes *changes, uint64_t id)
{
	pthread_mutex_lock(&changes->lock);
	while (changes->count && changes->ring[changes->first]->change.id <= id)
		drop_first(changes);
	pthread_mutex_unlock(&changes->lock);
}

static bool is_of_names(const struct change *change)
{
	return change->kind == SERVER_CHANGE_CREATE || change->kind == SERVER_CHANGE_DELETE ||
	       change->kind == SERVER_CHANGE_RENAME;
}

static bool is_from(const struct change *change, uint64_t directory, const char *name)
{
	return change->directory == directory && strcmp(change->name, name) == 0;
}

static bool is_to(const struct change *change, uint64_t directory, const char *name)
{
	return change->kind == SERVER_CHANGE_RENAME && change->to_directory == directory &&
	       strcmp(change->to_name, name) == 0;
}

/* The oldest change about the name. The caller has the lock. */
static struct pending *find(struct changes *changes, uint64_t directory, const char *name,
			    uint64_t now_ms)
{
	drop_old(changes, now_ms);
	for (size_t i = 0; i < changes->count; i++) {
		struct pending *pending = changes->ring[(changes->first + i) % CHANGES_MAX];

		if (!pending->used && is_of_names(&pending->change) &&
		    (is_from(&pending->change, directory, name) ||
		     is_to(&pending->change, directory, name)))
			return pending;
	}
	return NULL;
}

enum changes_view changes_view(struct changes *changes, uint64_t directory, const char *name,
			       uint64_t now_ms, struct change *change)
{
	enum changes_view view = CHANGES_AS_IT_IS;
	const struct pending *pending;

	pthread_mutex_lock(&changes->lock);
	pending = find(changes, directory, name, now_ms);
	if (pending) {
		*change = pending->change;
		view = change->kind == SERVER_CHANGE_CREATE || !is_from(change, directory, name)
			       ? CHANGES_ABSENT
			       : CHANGES_PRESENT;
	}
	pthread_mutex_unlock(&changes->lock);
	return view;
}

static bool fits(const struct change *change, const struct change *wanted)
{
	if (change->kind != wanted->kind || !is_from(change, wanted->directory, wanted->name))
		return false;
	if (change->kind == SERVER_CHANGE_RENAME)
		return is_to(change, wanted->to_directory, wanted->to_name);
	return wanted->type ? change->type == wanted->type : !S_ISDIR(change->type);
}

int changes_take(struct changes *changes, const struct change *wanted, uint64_t now_ms,
		 struct change *change)
{
	struct pending *pending, *other;
	int ret = -EAGAIN;

	pthread_mutex_lock(&changes->lock);
	pending = find(changes, wanted->directory, wanted->name, now_ms);
	other = wanted->kind == SERVER_CHANGE_RENAME
			? find(changes, wanted->to_directory, wanted->to_name, now_ms)
			: pending;
	if (pending && pending == other && fits(&pending->change, wanted)) {
		*change = pending->change;
		pending->used = true;
		ret = 0;
	}
	pthread_mutex_unlock(&changes->lock);
	return ret;
}

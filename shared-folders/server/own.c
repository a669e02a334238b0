/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/own.h"

#include <stddef.h>

static uint64_t key_of(uint64_t node, const char *name)
{
	uint64_t hash = (node ^ 0xcbf29ce484222325ULL) * 0x9e3779b97f4a7c15ULL;

	for (; name && *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3ULL;
	hash ^= hash >> 29;
	return hash * 0xbf58476d1ce4e5b9ULL | 1;
}

/* A reader that meets a place between the two stores sees a time that is not the key's: what it
 * takes for a moment too long or too short is a change of this very moment. */
void own_did(struct own *own, uint64_t node, const char *name, uint64_t now_ms)
{
	uint64_t key = key_of(node, name);
	size_t place = (size_t)(key >> 32) % OWN_PLACES;

	atomic_store_explicit(&own->until_ms[place], now_ms + OWN_KEEP_MS, memory_order_relaxed);
	atomic_store_explicit(&own->what[place], key, memory_order_release);
}

bool own_has(const struct own *own, uint64_t node, const char *name, uint64_t now_ms)
{
	uint64_t key = key_of(node, name);
	size_t place = (size_t)(key >> 32) % OWN_PLACES;

	return atomic_load_explicit(&own->what[place], memory_order_acquire) == key &&
	       atomic_load_explicit(&own->until_ms[place], memory_order_relaxed) > now_ms;
}

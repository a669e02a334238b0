/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/relay/requests.h"

#include "shared-folders/relay/known.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>

#define SILENT_MAX_BYTES (1U << 20)

void requests_init(struct requests *requests)
{
	*requests = (struct requests){0};
	requests->last_silent = &requests->silent;
}

void requests_clear(struct requests *requests)
{
	struct request *next;

	for (struct request *request = requests->first; request; request = next) {
		next = request->next;
		free(request->bytes);
		free(request);
	}
	requests_init(requests);
}

/* Uniques of a kernel are even, and count on. */
static size_t bucket_of(uint64_t unique)
{
	return (unique >> 1) % REQUESTS_BUCKETS;
}

static void drop(struct requests *requests, struct request *request)
{
	if (request->previous)
		request->previous->next = request->next;
	else
		requests->first = request->next;
	if (request->next)
		request->next->previous = request->previous;
	else
		requests->last = request->previous;
	requests->held_bytes -= request->length;
	free(request->bytes);
	free(request);
}

static void drop_first_silent(struct requests *requests)
{
	struct request *request = requests->silent;

	requests->silent = request->next_silent;
	if (!requests->silent)
		requests->last_silent = &requests->silent;
	requests->silent_bytes -= request->length + sizeof(*request);
	drop(requests, request);
}

int requests_add(struct requests *requests, uint8_t *bytes, size_t length, bool is_ours)
{
	struct request *request = calloc(1, sizeof(*request));
	struct request **bucket;

	if (!request) {
		free(bytes);
		return -ENOMEM;
	}
	request->bytes = bytes;
	request->length = length;
	request->number = ++requests->count;
	request->is_ours = is_ours;
	request->is_silent = !fuse_expect(bytes, length, &request->expectation);
	request->previous = requests->last;
	if (requests->last)
		requests->last->next = request;
	else
		requests->first = request;
	requests->last = request;
	if (!requests->unsent)
		requests->unsent = request;
	requests->held_bytes += length;
	if (request->is_silent) {
		*requests->last_silent = request;
		requests->last_silent = &request->next_silent;
		requests->silent_bytes += length + sizeof(*request);
		while (requests->silent_bytes > SILENT_MAX_BYTES &&
		       requests->silent->number <= requests->sent)
			drop_first_silent(requests);
		return 0;
	}
	bucket = &requests->buckets[bucket_of(request->expectation.unique)];
	request->next_same = *bucket;
	*bucket = request;
	requests->held++;
	request->is_change = known_effect(bytes, length) != KNOWN_NOTHING;
	requests->changing += request->is_change;
	return 0;
}

struct request *requests_last(const struct requests *requests)
{
	return requests->last;
}

struct request *requests_find(const struct requests *requests, uint64_t unique)
{
	struct request *request = requests->buckets[bucket_of(unique)];

	while (request && request->expectation.unique != unique)
		request = request->next_same;
	/* What the server cannot have yet it cannot answer. */
	return request && request->number <= requests->sent ? request : NULL;
}

/* Of one that has an answer. */
static void forget(struct requests *requests, struct request *request)
{
	struct request **place = &requests->buckets[bucket_of(request->expectation.unique)];

	while (*place != request)
		place = &(*place)->next_same;
	*place = request->next_same;
	requests->held--;
	requests->changing -= request->is_change;
	drop(requests, request);
}

void requests_remove(struct requests *requests, struct request *request)
{
	const uint64_t number = request->number;

	forget(requests, request);
	while (requests->silent && requests->silent->number < number)
		drop_first_silent(requests);
}

struct slice requests_output(const struct requests *requests)
{
	const struct request *unsent = requests->unsent;

	if (!unsent)
		return (struct slice){0};
	return (struct slice){unsent->bytes + requests->unsent_offset,
			      unsent->length - requests->unsent_offset};
}

void requests_sent(struct requests *requests, size_t length)
{
	struct request *unsent = requests->unsent;

	requests->unsent_offset += length;
	if (!unsent || requests->unsent_offset < unsent->length)
		return;
	requests->sent = unsent->number;
	requests->unsent = unsent->next;
	requests->unsent_offset = 0;
}

bool requests_resume(struct requests *requests, uint64_t received)
{
	struct request *request = requests->first, *next;

	if (received > requests->sent)
		return false;
	while (request && request->number <= received)
		request = request->next;
	/* What we have answered ourselves need not be done any more; the others move up. */
	requests->count = received;
	requests->unsent = NULL;
	for (; request; request = next) {
		next = request->next;
		if (request->is_answered) {
			forget(requests, request);
			continue;
		}
		request->number = ++requests->count;
		if (!requests->unsent)
			requests->unsent = request;
	}
	requests->unsent_offset = 0;
	requests->sent = received;
	return true;
}

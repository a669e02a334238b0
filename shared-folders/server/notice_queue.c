/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/notice_queue.h"

#include "protocol/base/bytes.h"

#include <stdlib.h>
#include <string.h>

void notice_queue_init(struct notice_queue *notices)
{
	memset(notices, 0, sizeof(*notices));
	notices->last = &notices->first;
}

static size_t bucket_of(uint64_t node, const char *name)
{
	uint64_t hash = node * 0x9e3779b97f4a7c15ULL;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3ULL;
	return (size_t)(hash >> 20) % ARRAY_SIZE(((struct notice_queue *)NULL)->buckets);
}

void notice_queue_drop_first(struct notice_queue *notices)
{
	struct notice *notice = notices->first;
	struct notice **at = &notices->buckets[bucket_of(notice->node, notice->name)];

	while (*at && *at != notice)
		at = &(*at)->next_in_bucket;
	if (*at)
		*at = notice->next_in_bucket;
	notices->first = notice->next;
	if (!notices->first)
		notices->last = &notices->first;
	notices->count--;
	free(notice);
}

void notice_queue_clear(struct notice_queue *notices)
{
	struct notice *notice;

	while ((notice = notices->first)) {
		notices->first = notice->next;
		free(notice);
	}
	notice_queue_init(notices);
}

void notice_queue_add(struct notice_queue *notices, enum notice_kind kind, uint64_t node,
		      const char *name)
{
	struct notice **bucket, *notice;

	if (notices->all)
		return;
	if (!name)
		name = "";
	bucket = &notices->buckets[bucket_of(node, name)];
	for (notice = *bucket; notice; notice = notice->next_in_bucket) {
		if (notice->node != node ||
		    (notice->kind == NOTICE_NAME) != (kind == NOTICE_NAME) ||
		    strcmp(notice->name, name) != 0)
			continue;
		notice->kind = MAX(notice->kind, kind);
		return;
	}
	notice = notices->count < NOTICE_QUEUE_MAX ? malloc(sizeof(*notice) + strlen(name) + 1)
						   : NULL;
	if (!notice) {
		notices->all = true;
		return;
	}
	*notice = (struct notice){.next_in_bucket = *bucket, .kind = kind, .node = node};
	notice->length = strlen(name);
	memcpy(notice->name, name, notice->length + 1);
	*bucket = notice;
	*notices->last = notice;
	notices->last = &notice->next;
	notices->count++;
}

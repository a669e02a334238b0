/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/balloon_pages.h"

#include "protocol/base/bytes.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define WORD_BITS  64
#define HUGE_WORDS (BALLOON_HUGE_PAGES / WORD_BITS)

int balloon_pages_init(struct balloon_pages *pages, const struct guestmem *memory,
		       balloon_give_back give_back, void *owner)
{
	uint64_t bytes = 0, huge_bytes = BALLOON_HUGE_PAGES * BALLOON_PAGE_BYTES;

	*pages = (struct balloon_pages){.memory = memory, .give_back = give_back, .owner = owner};
	for (size_t i = 0; i < memory->count; i++)
		bytes += memory->region[i].size_bytes;
	if (bytes == 0 || bytes >> BALLOON_PAGE_SHIFT > UINT32_MAX)
		return -EINVAL;
	/* Whole huge pages, so that the last needs no care; what is behind RAM is never set. */
	pages->words = (size_t)((bytes + huge_bytes - 1) / huge_bytes * HUGE_WORDS);
	pages->inside = calloc(pages->words, sizeof(*pages->inside));
	pages->list = calloc(BALLOON_LIST_PAGES, sizeof(*pages->list));
	pages->spare = calloc(BALLOON_LIST_PAGES, sizeof(*pages->spare));
	if (pages->inside && pages->list && pages->spare)
		return 0;
	balloon_pages_free(pages);
	return -ENOMEM;
}

void balloon_pages_free(struct balloon_pages *pages)
{
	free(pages->inside);
	free(pages->list);
	free(pages->spare);
	pages->inside = NULL;
	pages->list = pages->spare = NULL;
}

bool balloon_pages_list(struct balloon_pages *pages, uint32_t number)
{
	uint64_t gpa = (uint64_t)number << BALLOON_PAGE_SHIFT, before = 0;

	assert(pages->listed < BALLOON_LIST_PAGES);
	for (size_t i = 0; i < pages->memory->count; i++) {
		const struct guestmem_region *region = &pages->memory->region[i];

		if (gpa >= region->gpa && gpa - region->gpa < region->size_bytes) {
			pages->list[pages->listed++] =
				(uint32_t)((before + gpa - region->gpa) >> BALLOON_PAGE_SHIFT);
			return true;
		}
		before += region->size_bytes;
	}
	return false;
}

/* --- The map of what is inside --- */

/* Return: whether it was not so before. */
static bool put_inside(struct balloon_pages *pages, uint32_t page)
{
	uint64_t bit = 1ULL << page % WORD_BITS, *word = &pages->inside[page / WORD_BITS];
	bool fresh = !(*word & bit);

	*word |= bit;
	return fresh;
}

static bool take_out(struct balloon_pages *pages, uint32_t page)
{
	uint64_t bit = 1ULL << page % WORD_BITS, *word = &pages->inside[page / WORD_BITS];
	bool fresh = *word & bit;

	*word &= ~bit;
	return fresh;
}

/* The huge page that @page belongs to. */
static bool all_inside(const struct balloon_pages *pages, uint64_t page)
{
	const uint64_t *word = &pages->inside[page / BALLOON_HUGE_PAGES * HUGE_WORDS];
	uint64_t all = UINT64_MAX;

	for (int i = 0; i < HUGE_WORDS; i++)
		all &= word[i];
	return all == UINT64_MAX;
}

/* --- Giving back --- */

static int give_back(struct balloon_pages *pages, uint64_t first, uint64_t end)
{
	int error = pages->give_back(pages->owner, first << BALLOON_PAGE_SHIFT,
				     (end - first) << BALLOON_PAGE_SHIFT);

	if (error)
		pages->failure = error;
	return error;
}

/* A run of pages, with the rest of the huge pages at its ends if that is in the balloon, too. Who
 * may touch pages in the balloon could have begun to use that rest again. */
static void give_back_run(struct balloon_pages *pages, uint64_t first, uint64_t end)
{
	if (pages->stays && all_inside(pages, first))
		first -= first % BALLOON_HUGE_PAGES;
	if (pages->stays && all_inside(pages, end - 1))
		end += (BALLOON_HUGE_PAGES - end % BALLOON_HUGE_PAGES) % BALLOON_HUGE_PAGES;
	(void)give_back(pages, first, end);
}

/* Stable, by one byte of each. Return: false, and nothing was done, if it is the same in all. */
static bool spread(const uint32_t *from, uint32_t *to, size_t count, unsigned int shift)
{
	size_t place[256] = {0}, sum = 0;

	for (size_t i = 0; i < count; i++)
		place[from[i] >> shift & 0xff]++;
	if (place[from[0] >> shift & 0xff] == count)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(place); i++) {
		size_t here = place[i];

		place[i] = sum;
		sum += here;
	}
	for (size_t i = 0; i < count; i++)
		to[place[from[i] >> shift & 0xff]++] = from[i];
	return true;
}

static void reverse(uint32_t *list, size_t count)
{
	for (size_t i = 0, j = count - 1; i < j; i++, j--) {
		uint32_t page = list[i];

		list[i] = list[j];
		list[j] = page;
	}
}

/* Drivers mostly get pages in order, up or down. The rest takes as long as the list is, whatever a
 * guest does; and qsort() would use system calls that the sandbox does not know. */
static void sort_list(struct balloon_pages *pages)
{
	bool rising = true, falling = true;

	for (size_t i = 1; i < pages->listed; i++) {
		rising &= pages->list[i - 1] <= pages->list[i];
		falling &= pages->list[i - 1] >= pages->list[i];
	}
	if (!rising && falling)
		reverse(pages->list, pages->listed);
	for (unsigned int shift = 0; !rising && !falling && shift < 32; shift += 8) {
		uint32_t *list = pages->list;

		if (!spread(list, pages->spare, pages->listed, shift))
			continue;
		pages->list = pages->spare;
		pages->spare = list;
	}
}

/* Where the run that begins at @from ends, in the sorted list. */
static size_t end_of_run(const struct balloon_pages *pages, size_t from)
{
	size_t to = from + 1;

	while (to < pages->listed && pages->list[to] - pages->list[to - 1] <= 1)
		to++;
	return to;
}

void balloon_pages_inflate(struct balloon_pages *pages)
{
	uint64_t fresh = 0;

	sort_list(pages);
	for (size_t i = 0; i < pages->listed; i++)
		fresh += put_inside(pages, pages->list[i]);
	atomic_fetch_add(&pages->count, fresh);
	for (size_t from = 0, to; from < pages->listed; from = to) {
		to = end_of_run(pages, from);
		give_back_run(pages, pages->list[from], pages->list[to - 1] + 1ULL);
	}
	pages->listed = 0;
}

void balloon_pages_deflate(struct balloon_pages *pages)
{
	uint64_t gone = 0;

	for (size_t i = 0; i < pages->listed; i++)
		gone += take_out(pages, pages->list[i]);
	atomic_fetch_sub(&pages->count, gone);
	pages->listed = 0;
}

void balloon_pages_report(struct balloon_pages *pages, const void *host, size_t size_bytes)
{
	uint64_t before = 0;

	for (size_t i = 0; i < pages->memory->count; i++) {
		const struct guestmem_region *region = &pages->memory->region[i];
		uint64_t at = (uint64_t)((uintptr_t)host - (uintptr_t)region->host);

		if ((uintptr_t)host >= (uintptr_t)region->host && at < region->size_bytes) {
			uint64_t length = MIN(size_bytes, region->size_bytes - at);
			uint64_t first =
				(before + at + BALLOON_PAGE_BYTES - 1) >> BALLOON_PAGE_SHIFT;
			uint64_t end = (before + at + length) >> BALLOON_PAGE_SHIFT;

			if (first < end && give_back(pages, first, end) == 0)
				atomic_fetch_add(&pages->reported_bytes,
						 (end - first) << BALLOON_PAGE_SHIFT);
			return;
		}
		before += region->size_bytes;
	}
}

void balloon_pages_forget(struct balloon_pages *pages)
{
	if (atomic_load(&pages->count) > 0)
		memset(pages->inside, 0, pages->words * sizeof(*pages->inside));
	atomic_store(&pages->count, 0);
	pages->listed = 0;
}

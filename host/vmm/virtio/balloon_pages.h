/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * balloon_pages - which pages of RAM the guest does without, and giving them back to the host
 *
 * The guest lists pages by number, in any order; here they are checked to be RAM, sorted and
 * merged, so that a run of pages costs one system call. Once all pages of a huge page are in the
 * balloon, it is given back whole: the host may have kept it while only parts of it were gone.
 *
 * All but the counters belong to one thread.
 */
#ifndef LODGE_VMM_VIRTIO_BALLOON_PAGES_H
#define LODGE_VMM_VIRTIO_BALLOON_PAGES_H

#include "protocol/virtqueue/guestmem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A page number in lists is 32 bits, of pages of this size (virtio 1.2, 5.5.6). */
#define BALLOON_PAGE_SHIFT 12
#define BALLOON_PAGE_BYTES (1ULL << BALLOON_PAGE_SHIFT)
#define BALLOON_HUGE_PAGES 512 /* pages in a huge page */

/* Pages that one call of balloon_pages_inflate() or _deflate() takes at most: each may be a run of
 * its own, and a pause of the machine waits until all are given back. */
#define BALLOON_LIST_PAGES 16384

/* RAM at @offset reads as zero from now on, and costs the host nothing until it is touched.
 * Offsets are in RAM as one piece: regions one behind the other. Return: 0 or negative errno. */
typedef int (*balloon_give_back)(void *owner, uint64_t offset, uint64_t length);

struct balloon_pages {
	const struct guestmem *memory; /* RAM and nothing else; regions of whole pages */
	balloon_give_back give_back;
	void *owner;
	bool stays; /* a page in the balloon is not touched before it is taken out
		     * (VIRTIO_BALLOON_F_MUST_TELL_HOST) */

	uint64_t *inside; /* bit N: page N of RAM is in the balloon */
	size_t words;
	uint32_t *list;	 /* pages of RAM, BALLOON_LIST_PAGES */
	uint32_t *spare; /* as long, to sort */
	size_t listed;
	int failure; /* the last, of giving back */

	/* Read by any thread. */
	_Atomic uint64_t count;		 /* bits set in @inside */
	_Atomic uint64_t reported_bytes; /* given back for reports of free pages, since the start */
};

/* Return: 0; -ENOMEM; -EINVAL where there is no RAM, or more than page numbers have room for. */
int balloon_pages_init(struct balloon_pages *pages, const struct guestmem *memory,
		       balloon_give_back give_back, void *owner);
void balloon_pages_free(struct balloon_pages *pages);

/* How many more pages can be listed. */
static inline size_t balloon_pages_room(const struct balloon_pages *pages)
{
	return BALLOON_LIST_PAGES - pages->listed;
}

/* Put a page on the list, which has room. @number: guest-physical, untrusted. Return: whether it is
 * RAM. */
bool balloon_pages_list(struct balloon_pages *pages, uint32_t number);

/* The pages listed go into the balloon, or out of it; the list is empty then. */
void balloon_pages_inflate(struct balloon_pages *pages);
void balloon_pages_deflate(struct balloon_pages *pages);

/**
 * balloon_pages_report() - whole pages of a piece of RAM are free, and not in the balloon
 * @host:	first byte, inside a region
 *
 * What is no whole page at either end stays.
 */
void balloon_pages_report(struct balloon_pages *pages, const void *host, size_t size_bytes);

/* The guest has all of its pages again, and none is listed. */
void balloon_pages_forget(struct balloon_pages *pages);

#endif

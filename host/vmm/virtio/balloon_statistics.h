/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * balloon_statistics - what the guest last said of its memory (virtio 1.2, 5.5.6.4)
 *
 * Claims of the guest, by tag. What has a tag that we do not know is left out.
 */
#ifndef LODGE_VMM_VIRTIO_BALLOON_STATISTICS_H
#define LODGE_VMM_VIRTIO_BALLOON_STATISTICS_H

#include <stdint.h>
#include <sys/uio.h>

/* The names are ours; numbers and meaning are Linux's, which has more of them than the spec. */
enum balloon_tag {
	BALLOON_SWAP_IN,	    /* bytes, as all that is no event */
	BALLOON_SWAP_OUT,	    /* */
	BALLOON_MAJOR_FAULTS,	    /* events */
	BALLOON_MINOR_FAULTS,	    /* events */
	BALLOON_FREE,		    /* */
	BALLOON_TOTAL,		    /* */
	BALLOON_AVAILABLE,	    /* */
	BALLOON_CACHES,		    /* */
	BALLOON_HUGE_ALLOCATIONS,   /* events */
	BALLOON_HUGE_FAILURES,	    /* events */
	BALLOON_OOM_KILLS,	    /* events */
	BALLOON_STALLS,		    /* events: allocations that had to reclaim */
	BALLOON_SCANNED,	    /* in the background */
	BALLOON_SCANNED_DIRECTLY,   /* by who allocates */
	BALLOON_RECLAIMED,	    /* in the background */
	BALLOON_RECLAIMED_DIRECTLY, /* by who allocates */
	BALLOON_TAGS,
};

struct balloon_statistics {
	uint32_t tags;		      /* bit N: value[N] was there; 0: nothing was said */
	uint64_t value[BALLOON_TAGS]; /* 0 where the tag is not there */
	uint64_t taken_ms;	      /* when; CLOCK_MONOTONIC */
};

/* Parse what a driver has in a buffer; the pieces are a guest's, of any length. */
void balloon_statistics_parse(struct balloon_statistics *statistics, const struct iovec *iov,
			      unsigned int count);

/* How old they are, in milliseconds; 0 if there are none. */
uint64_t balloon_statistics_age(const struct balloon_statistics *statistics);

#endif

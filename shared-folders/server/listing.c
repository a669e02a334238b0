/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listings that the peer keeps without being told of changes.
 *
 * It opens a folder each time that it is to be listed, and is told then whether it may use what it
 * has of it (FOPEN_KEEP_CACHE) or is to drop it. It may if the folder's times are what they were
 * when it dropped what it had before: whatever it has since is of that state. That is so only if
 * nobody else had the folder open then, who could still bring an older listing, and if the times
 * were old enough for any change to come to give others.
 *
 * Not for long, though: with the entries of a listing the peer gets attributes, which it would ask
 * for one by one when those are too old to be believed.
 */
#include "shared-folders/server/coherence.h"
#include "shared-folders/server/inode.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

/* Two ticks of the slowest kernel's clock, which is what files get for a time. */
#define TICKS_NS 20000000
/* File systems whose times are whole multiples of this may have no finer ones: FAT has two seconds.
 */
#define COARSE_NS      10000000
#define COARSE_SETTLED 3

#define SECOND_NS 1000000000

/* Whether each change from now on gives another time than this. */
static bool is_settled(struct statx_timestamp time, const struct timespec *now)
{
	int64_t seconds;

	if (time.tv_nsec % COARSE_NS == 0)
		return time.tv_sec < now->tv_sec - COARSE_SETTLED;
	seconds = now->tv_sec - time.tv_sec;
	return seconds > 1 ||
	       (seconds >= 0 && seconds * SECOND_NS + now->tv_nsec - time.tv_nsec > TICKS_NS);
}

static struct listing listing_of(const struct statx *stat)
{
	struct listing listing = {
		.changed_seconds = stat->stx_ctime.tv_sec,
		.changed_nanoseconds = stat->stx_ctime.tv_nsec,
		.written_seconds = stat->stx_mtime.tv_sec,
		.written_nanoseconds = stat->stx_mtime.tv_nsec,
	};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	listing.known = is_settled(stat->stx_ctime, &now) && is_settled(stat->stx_mtime, &now);
	return listing;
}

static bool is_same(const struct listing *one, const struct listing *other)
{
	return one->known && other->known && one->changed_seconds == other->changed_seconds &&
	       one->changed_nanoseconds == other->changed_nanoseconds &&
	       one->written_seconds == other->written_seconds &&
	       one->written_nanoseconds == other->written_nanoseconds;
}

uint32_t listing_open(struct server *server, struct inode *folder)
{
	struct validity valid = server_validity(server, inode_is_told(server, folder->id, 1));
	uint64_t now = coherence_now_ms();
	uint32_t flags = FOPEN_CACHE_DIR;
	struct listing listing = {0};
	struct statx stat;

	if (inode_stat(server, folder, &stat) == 0)
		listing = listing_of(&stat);
	listing.begun_ms = now;
	pthread_mutex_lock(&server->lock);
	if (is_same(&folder->listing, &listing) &&
	    now - folder->listing.begun_ms < valid.seconds * 1000) {
		flags |= FOPEN_KEEP_CACHE;
	} else {
		listing.known &= folder->listers == 1;
		folder->listing = listing;
	}
	pthread_mutex_unlock(&server->lock);
	return flags;
}

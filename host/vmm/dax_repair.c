/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that were cut short: a page of the window that its file has no more would kill us. The sink
 * takes its place until it is back.
 */
#include "host/vmm/dax_pieces.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <sys/mman.h>

/* Whether a page cannot be read (EFAULT: there would be SIGBUS); else this brings it in, as reading
 * would. Kernels before 5.14 cannot be asked: then nothing is repaired. */
static bool is_absent(uint8_t *page)
{
	return madvise(page, DAX_PAGE_BYTES, MADV_POPULATE_READ) < 0 &&
	       (errno == EFAULT || errno == EHWPOISON);
}

/* The pages from @offset on are absent: the sink takes their place. */
static bool put_aside(struct dax_window *window, uint64_t offset, uint64_t end)
{
	struct dax_piece *piece;

	if (window->count + 2 > window->capacity)
		return false;
	/* Of a shared mapping, moving nothing makes a second one (mremap(2)). */
	if (mremap(window->base + offset, 0, end - offset, MREMAP_MAYMOVE | MREMAP_FIXED,
		   window->shadow + offset) == MAP_FAILED)
		return false;
	dax_split(window, offset);
	dax_split(window, end);
	piece = &window->piece[dax_find(window, offset)];
	piece->missing = true;
	dax_map_sink(window, offset, end);
	(void)madvise(window->base + offset,
		      MIN(end - offset, DAX_SINK_BYTES - offset % DAX_SINK_BYTES), MADV_REMOVE);
	return true;
}

/* Where what is there of a piece ends: the end of the file, or its own. */
static uint64_t end_of(const struct dax_piece *piece)
{
	uint64_t length = piece->end - piece->start, size;
	struct stat status;

	if (!piece->file || !dax_look_at(piece->file->fd, &status))
		return piece->end;
	size = ((uint64_t)status.st_size + DAX_PAGE_BYTES - 1) & ~(uint64_t)(DAX_PAGE_BYTES - 1);
	if (size <= piece->file_offset)
		return piece->start;
	return piece->start + MIN(length, size - piece->file_offset);
}

/* All behind the end of a file is absent. */
static bool repair_end(struct dax_window *window, const struct dax_piece *piece)
{
	uint64_t end = end_of(piece);

	return end < piece->end && put_aside(window, end, piece->end);
}

static bool repair_page(struct dax_window *window, const struct dax_piece *piece, uint64_t page,
			bool force)
{
	if (piece->missing)
		return true; /* by another thread, just before */
	if (repair_end(window, piece)) {
		piece = &window->piece[dax_find(window, page)];
		if (piece->missing)
			return true;
	}
	/* A page in the middle that its disk does not give. */
	if (!force && !is_absent(window->base + page))
		return false;
	return put_aside(window, page, page + DAX_PAGE_BYTES);
}

static bool repair_any(struct dax_window *window)
{
	bool repaired = false;

	/* Repairing a piece adds one behind it. */
	for (size_t i = 0; i < window->count; i++)
		if (!window->piece[i].missing)
			repaired |= repair_end(window, &window->piece[i]);
	return repaired;
}

bool dax_window_repair(struct dax_window *window, const void *address, bool force)
{
	uintptr_t at = (uintptr_t)address, base = (uintptr_t)window->base;
	int saved = errno;
	bool repaired = false;

	if (address && (at < base || at - base >= window->size_bytes))
		return false;
	pthread_mutex_lock(&window->lock);
	if (!address) {
		repaired = repair_any(window);
	} else {
		uint64_t page = (at - base) & ~(uint64_t)(DAX_PAGE_BYTES - 1);
		const struct dax_piece *piece = &window->piece[dax_find(window, page)];

		if (piece < window->piece + window->count && piece->start <= page)
			repaired = repair_page(window, piece, page, force);
	}
	pthread_mutex_unlock(&window->lock);
	errno = saved;
	return repaired;
}

/* What is there again is there for all of the piece, or until the next repair. */
static void put_back(struct dax_window *window, struct dax_piece *piece)
{
	uint8_t *aside = window->shadow + piece->start;
	size_t length = piece->end - piece->start;

	if (mremap(aside, 0, length, MREMAP_MAYMOVE | MREMAP_FIXED, window->base + piece->start) ==
	    MAP_FAILED) {
		dax_map_sink(window, piece->start, piece->end);
		return;
	}
	dax_clear_shadow(window, piece->start, piece->end);
	piece->missing = false;
}

/* What is there again: all of the file that is mapped here, or one page that could not be read. */
static bool is_back(const struct dax_window *window, const struct dax_piece *piece)
{
	return end_of(piece) > piece->start && !is_absent(window->shadow + piece->start);
}

/* Return: whether the next piece has taken its place. */
static bool try_to_put_back(struct dax_window *window, size_t at)
{
	if (!window->piece[at].missing || !is_back(window, &window->piece[at]))
		return false;
	put_back(window, &window->piece[at]);
	return dax_join(window, at);
}

void dax_window_settle(struct dax_window *window, uint64_t device, uint64_t inode)
{
	pthread_mutex_lock(&window->lock);
	for (size_t i = 0; i < window->count; i++) {
		const struct dax_file *file = window->piece[i].file;

		if (!file || file->device != device || file->inode != inode)
			continue;
		if (try_to_put_back(window, i))
			i--;
		/* Only the part of it that is there. */
		if (!window->piece[i].missing)
			(void)repair_end(window, &window->piece[i]);
	}
	pthread_mutex_unlock(&window->lock);
}

unsigned int dax_window_retry(struct dax_window *window)
{
	bool missing = false;
	unsigned int next_ms;

	pthread_mutex_lock(&window->lock);
	for (size_t i = 0; i < window->count; i++)
		if (try_to_put_back(window, i))
			i--;
	repair_any(window);
	for (size_t i = 0; i < window->count; i++)
		missing |= window->piece[i].missing;
	next_ms = missing ? DAX_RETRY_MS : window->count > 0 ? DAX_LOOK_MS : 0;
	pthread_mutex_unlock(&window->lock);
	return next_ms;
}

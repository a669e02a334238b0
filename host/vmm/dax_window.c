/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/dax_window.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include "host/vmm/options.h"
#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Larger: fewer mappings for an empty window. Smaller: less that a guest can fill. */
#define SINK_BYTES (32UL << 20)

/* A file of which there are pieces: kept open to know how long it is. */
struct file {
	dev_t device;
	ino_t inode;
	int fd;
	unsigned int pieces;
	struct file *next;
};

/* Sorted, never overlapping. Two that touch stay two. */
struct piece {
	uint64_t start, end;
	struct file *file; /* NULL: too many are open */
	uint64_t file_offset;
	bool writable;
	bool missing; /* the sink is in its place, and the mapping in the window's shadow */
};

struct dax_window {
	uint8_t *base;
	uint8_t *shadow; /* as large; nobody reads it */
	size_t size_bytes;
	int sink_fd;
	pthread_mutex_t lock; /* guards all below, and what is mapped */
	struct file *files;
	size_t open_files, max_open_files;
	size_t count, capacity;
	struct piece piece[];
};

/* Keep the file open, by @fd or by what is open already. NULL: it cannot be. */
static struct file *hold_file(struct dax_window *window, const struct stat *status, int *fd)
{
	struct file *file = window->files;

	while (file && (file->device != status->st_dev || file->inode != status->st_ino))
		file = file->next;
	if (!file && window->open_files < window->max_open_files)
		file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
	if (file->pieces++ == 0) {
		*file = (struct file){status->st_dev, status->st_ino, take_fd(fd), 1,
				      window->files};
		window->files = file;
		window->open_files++;
	}
	return file;
}

static void release_file(struct dax_window *window, struct file *file)
{
	struct file **at = &window->files;

	if (!file || --file->pieces > 0)
		return;
	while (*at != file)
		at = &(*at)->next;
	*at = file->next;
	window->open_files--;
	cleanup_close(&file->fd);
	free(file);
}

static void *reserve(size_t size_bytes)
{
	return mmap(NULL, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		    0);
}

/* A mapping that replaces another. Where even the sink cannot be had, no access of the guest may
 * happen any more: it could reach what comes to lie there. */
static void must_map(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	void *mapped = mmap(at, length, protection, flags | MAP_FIXED | MAP_NORESERVE, fd, offset);

	if (mapped == MAP_FAILED)
		abort();
}

static void map_sink(struct dax_window *window, uint64_t start, uint64_t end)
{
	while (start < end) {
		uint64_t in_sink = start % SINK_BYTES;
		uint64_t length = MIN(end - start, SINK_BYTES - in_sink);

		must_map(window->base + start, length, PROT_READ | PROT_WRITE, MAP_SHARED,
			 window->sink_fd, (off_t)in_sink);
		start += length;
	}
}

static void clear_shadow(struct dax_window *window, uint64_t start, uint64_t end)
{
	must_map(window->shadow + start, end - start, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0);
}

/* Its share of the descriptors that there may be; all others need few. */
static size_t files_to_keep(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur / (2 * (rlim_t)OPTIONS_MAX_FS);
}

int dax_window_new(size_t size_bytes, struct dax_window **window)
{
	size_t capacity = size_bytes / DAX_PIECE_BYTES + DAX_PIECES_TO_SPARE;
	struct dax_window *made = calloc(1, sizeof(*made) + capacity * sizeof(made->piece[0]));
	int error;

	if (!made)
		return -ENOMEM;
	made->max_open_files = files_to_keep();
	made->size_bytes = size_bytes;
	made->capacity = capacity;
	pthread_mutex_init(&made->lock, NULL);
	made->base = reserve(size_bytes);
	made->shadow = reserve(size_bytes);
	made->sink_fd = memfd_create("lodge-sink", MFD_CLOEXEC);
	if (made->base == MAP_FAILED || made->shadow == MAP_FAILED || made->sink_fd < 0 ||
	    ftruncate(made->sink_fd, SINK_BYTES) < 0) {
		error = -errno;
		dax_window_free(made);
		return error;
	}
	map_sink(made, 0, size_bytes);
	*window = made;
	return 0;
}

void dax_window_free(struct dax_window *window)
{
	if (!window)
		return;
	if (window->base != MAP_FAILED)
		munmap(window->base, window->size_bytes);
	if (window->shadow != MAP_FAILED)
		munmap(window->shadow, window->size_bytes);
	cleanup_close(&window->sink_fd);
	for (size_t i = 0; i < window->count; i++)
		release_file(window, window->piece[i].file);
	pthread_mutex_destroy(&window->lock);
	free(window);
}

void *dax_window_host(const struct dax_window *window)
{
	return window->base;
}

size_t dax_window_size(const struct dax_window *window)
{
	return window->size_bytes;
}

/* --- The list of pieces; with the lock held ------------------------------------------------------
 */

/* The first piece that ends after @offset. */
static size_t find(const struct dax_window *window, uint64_t offset)
{
	size_t low = 0, high = window->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (window->piece[middle].end <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void insert(struct dax_window *window, size_t at, struct piece piece)
{
	memmove(&window->piece[at + 1], &window->piece[at],
		(window->count - at) * sizeof(window->piece[0]));
	window->piece[at] = piece;
	window->count++;
}

/* Let a piece begin at @offset if one goes over it. There must be room for one more. */
static void split(struct dax_window *window, uint64_t offset)
{
	size_t at = find(window, offset);
	struct piece *piece = &window->piece[at];

	if (at == window->count || piece->start >= offset)
		return;
	insert(window, at, *piece);
	window->piece[at].end = window->piece[at + 1].start = offset;
	window->piece[at + 1].file_offset += offset - window->piece[at].start;
	if (window->piece[at].file)
		window->piece[at].file->pieces++;
}

static void drop(struct dax_window *window, const struct piece *piece)
{
	if (piece->missing)
		clear_shadow(window, piece->start, piece->end);
	release_file(window, piece->file);
}

/* Forget the pieces between; the sink is not mapped yet. Needs room for two more. */
static void forget(struct dax_window *window, uint64_t start, uint64_t end)
{
	size_t first, last;

	split(window, start);
	split(window, end);
	first = last = find(window, start);
	for (; last < window->count && window->piece[last].start < end; last++)
		drop(window, &window->piece[last]);
	memmove(&window->piece[first], &window->piece[last],
		(window->count - last) * sizeof(window->piece[0]));
	window->count -= last - first;
}

/* --- Requests ------------------------------------------------------------------------------------
 */

static bool is_range(const struct dax_window *window, uint64_t offset, uint64_t length)
{
	return length > 0 && (offset | length) % DAX_PAGE_BYTES == 0 &&
	       offset <= window->size_bytes && length <= window->size_bytes - offset;
}

/* The system call of old, which has nothing to do with paths: the sandbox lets only that through.
 */
static bool look_at(int fd, struct stat *status)
{
	return syscall(SYS_fstat, fd, status) == 0 && S_ISREG(status->st_mode);
}

static int map_locked(struct dax_window *window, struct piece piece, const struct stat *status,
		      int *fd)
{
	int protection = PROT_READ | (piece.writable ? PROT_WRITE : 0);
	int error = 0;
	void *mapped;

	if (window->count + 3 > window->capacity)
		return -ENOSPC;
	mapped = mmap(window->base + piece.start, piece.end - piece.start, protection,
		      MAP_SHARED | MAP_FIXED, *fd, (off_t)piece.file_offset);
	if (mapped == MAP_FAILED)
		error = -errno;
	forget(window, piece.start, piece.end);
	if (error) {
		map_sink(window, piece.start, piece.end);
		return error;
	}
	piece.file = hold_file(window, status, fd);
	insert(window, find(window, piece.start), piece);
	return 0;
}

int dax_window_map(struct dax_window *window, uint64_t offset, uint64_t length, int *fd,
		   uint64_t file_offset, bool writable)
{
	struct piece piece = {offset, offset + length, NULL, file_offset, writable, false};
	struct stat status;
	int error;

	if (!is_range(window, offset, length) || file_offset % DAX_PAGE_BYTES != 0 ||
	    file_offset > INT64_MAX - length)
		return -EINVAL;
	if (!look_at(*fd, &status))
		return -EBADF;
	pthread_mutex_lock(&window->lock);
	error = map_locked(window, piece, &status, fd);
	pthread_mutex_unlock(&window->lock);
	return error;
}

static int unmap_locked(struct dax_window *window, uint64_t start, uint64_t end)
{
	/* Half of a piece may have to be kept twice. */
	if (window->count + 2 > window->capacity)
		return -ENOSPC;
	forget(window, start, end);
	map_sink(window, start, end);
	return 0;
}

int dax_window_unmap(struct dax_window *window, uint64_t offset, uint64_t length)
{
	int error;

	if (!is_range(window, offset, length))
		return -EINVAL;
	pthread_mutex_lock(&window->lock);
	error = unmap_locked(window, offset, offset + length);
	pthread_mutex_unlock(&window->lock);
	return error;
}

void dax_window_clear(struct dax_window *window)
{
	pthread_mutex_lock(&window->lock);
	if (window->count > 0) {
		for (size_t i = 0; i < window->count; i++)
			drop(window, &window->piece[i]);
		window->count = 0;
		map_sink(window, 0, window->size_bytes);
	}
	/* What a guest left in the sink is not for the next one. */
	(void)madvise(window->base, MIN(window->size_bytes, SINK_BYTES), MADV_REMOVE);
	pthread_mutex_unlock(&window->lock);
}

/* --- Files that were cut short -------------------------------------------------------------------
 */

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
	struct piece *piece;

	if (window->count + 2 > window->capacity)
		return false;
	/* Of a shared mapping, moving nothing makes a second one (mremap(2)). */
	if (mremap(window->base + offset, 0, end - offset, MREMAP_MAYMOVE | MREMAP_FIXED,
		   window->shadow + offset) == MAP_FAILED)
		return false;
	split(window, offset);
	split(window, end);
	piece = &window->piece[find(window, offset)];
	piece->missing = true;
	map_sink(window, offset, end);
	(void)madvise(window->base + offset, MIN(end - offset, SINK_BYTES - offset % SINK_BYTES),
		      MADV_REMOVE);
	return true;
}

/* Where what is there of a piece ends: the end of the file, or its own. */
static uint64_t end_of(const struct piece *piece)
{
	uint64_t length = piece->end - piece->start, size;
	struct stat status;

	if (!piece->file || !look_at(piece->file->fd, &status))
		return piece->end;
	size = ((uint64_t)status.st_size + DAX_PAGE_BYTES - 1) & ~(uint64_t)(DAX_PAGE_BYTES - 1);
	if (size <= piece->file_offset)
		return piece->start;
	return piece->start + MIN(length, size - piece->file_offset);
}

/* All behind the end of a file is absent. */
static bool repair_end(struct dax_window *window, const struct piece *piece)
{
	uint64_t end = end_of(piece);

	return end < piece->end && put_aside(window, end, piece->end);
}

static bool repair_page(struct dax_window *window, const struct piece *piece, uint64_t page,
			bool force)
{
	if (piece->missing)
		return true; /* by another thread, just before */
	if (repair_end(window, piece)) {
		piece = &window->piece[find(window, page)];
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
		const struct piece *piece = &window->piece[find(window, page)];

		if (piece < window->piece + window->count && piece->start <= page)
			repaired = repair_page(window, piece, page, force);
	}
	pthread_mutex_unlock(&window->lock);
	errno = saved;
	return repaired;
}

/* What is there again is there for all of the piece, or until the next repair. */
static void put_back(struct dax_window *window, struct piece *piece)
{
	uint8_t *aside = window->shadow + piece->start;
	size_t length = piece->end - piece->start;

	if (mremap(aside, 0, length, MREMAP_MAYMOVE | MREMAP_FIXED, window->base + piece->start) ==
	    MAP_FAILED) {
		map_sink(window, piece->start, piece->end);
		return;
	}
	clear_shadow(window, piece->start, piece->end);
	piece->missing = false;
}

/* What is there again: all of the file that is mapped here, or one page that could not be read. */
static bool is_back(const struct dax_window *window, const struct piece *piece)
{
	return end_of(piece) > piece->start && !is_absent(window->shadow + piece->start);
}

/* The piece and the one before it become one where nothing is between them: a file that grows bit
 * by bit must not use the list up. */
static bool join(struct dax_window *window, size_t at)
{
	struct piece *piece = &window->piece[at], *before = piece - 1;

	if (at == 0 || before->end != piece->start || !piece->file || before->file != piece->file ||
	    before->file_offset + (before->end - before->start) != piece->file_offset ||
	    before->writable != piece->writable || before->missing || piece->missing)
		return false;
	before->end = piece->end;
	release_file(window, piece->file);
	memmove(piece, piece + 1, (window->count - at - 1) * sizeof(*piece));
	window->count--;
	return true;
}

/* Return: whether the next piece has taken its place. */
static bool try_to_put_back(struct dax_window *window, size_t at)
{
	if (!window->piece[at].missing || !is_back(window, &window->piece[at]))
		return false;
	put_back(window, &window->piece[at]);
	return join(window, at);
}

void dax_window_settle(struct dax_window *window, uint64_t device, uint64_t inode)
{
	pthread_mutex_lock(&window->lock);
	for (size_t i = 0; i < window->count; i++) {
		const struct file *file = window->piece[i].file;

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

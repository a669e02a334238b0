/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/dax_window.h"

#include "host/vmm/dax_pieces.h"
#include "host/vmm/options.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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

void dax_map_sink(struct dax_window *window, uint64_t start, uint64_t end)
{
	while (start < end) {
		uint64_t in_sink = start % DAX_SINK_BYTES;
		uint64_t length = MIN(end - start, DAX_SINK_BYTES - in_sink);

		must_map(window->base + start, length, PROT_READ | PROT_WRITE, MAP_SHARED,
			 window->sink_fd, (off_t)in_sink);
		start += length;
	}
}

void dax_clear_shadow(struct dax_window *window, uint64_t start, uint64_t end)
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
	    ftruncate(made->sink_fd, DAX_SINK_BYTES) < 0) {
		error = -errno;
		dax_window_free(made);
		return error;
	}
	dax_map_sink(made, 0, size_bytes);
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
		dax_release_file(window, window->piece[i].file);
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

/* --- Requests ----------------------------------------------------------------------------------
 */

static bool is_range(const struct dax_window *window, uint64_t offset, uint64_t length)
{
	return length > 0 && (offset | length) % DAX_PAGE_BYTES == 0 &&
	       offset <= window->size_bytes && length <= window->size_bytes - offset;
}

/* The system call of old, which has nothing to do with paths: the sandbox lets only that through.
 */
bool dax_look_at(int fd, struct stat *status)
{
	return syscall(SYS_fstat, fd, status) == 0 && S_ISREG(status->st_mode);
}

static int map_locked(struct dax_window *window, struct dax_piece piece, const struct stat *status,
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
	dax_forget(window, piece.start, piece.end);
	if (error) {
		dax_map_sink(window, piece.start, piece.end);
		return error;
	}
	piece.file = dax_hold_file(window, status, fd);
	dax_insert(window, dax_find(window, piece.start), piece);
	return 0;
}

int dax_window_map(struct dax_window *window, uint64_t offset, uint64_t length, int *fd,
		   uint64_t file_offset, bool writable)
{
	struct dax_piece piece = {offset, offset + length, NULL, file_offset, writable, false};
	struct stat status;
	int error;

	if (!is_range(window, offset, length) || file_offset % DAX_PAGE_BYTES != 0 ||
	    file_offset > INT64_MAX - length)
		return -EINVAL;
	if (!dax_look_at(*fd, &status))
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
	dax_forget(window, start, end);
	dax_map_sink(window, start, end);
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
			dax_drop(window, &window->piece[i]);
		window->count = 0;
		dax_map_sink(window, 0, window->size_bytes);
	}
	/* What a guest left in the sink is not for the next one. */
	(void)madvise(window->base, MIN(window->size_bytes, DAX_SINK_BYTES), MADV_REMOVE);
	pthread_mutex_unlock(&window->lock);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/display_area.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <fcntl.h>
#include <sys/mman.h>

int display_area_reopen(int fd)
{
	char path[32];
	int opened;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	opened = open(path, O_RDONLY | O_CLOEXEC);
	return opened < 0 ? -errno : opened;
}

int display_area_new(struct display_area *area)
{
	_cleanup_close_ int fd = memfd_create("lodge-display", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t bytes = sizeof(struct channel_area);
	void *mapped;

	*area = (struct display_area){.read_fd = -EBADF};
	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
		return -errno;
	mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	area->shared = mapped;
	if (fcntl(fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0)
		area->read_fd = -errno;
	else
		area->read_fd = display_area_reopen(fd);
	if (area->read_fd < 0) {
		int error = area->read_fd;

		display_area_free(area);
		return error;
	}
	return 0;
}

void display_area_free(struct display_area *area)
{
	if (area->shared)
		munmap(area->shared, sizeof(*area->shared));
	cleanup_close(&area->read_fd);
	*area = (struct display_area){.read_fd = -EBADF};
}

/* --- Writing ------------------------------------------------------------------------------------
 */

/* The reader's acquire load of an odd sequence, or of a later one, tells it that what it copied may
 * be torn: pairs with begin_read() and end_read() in host/screen/source/area.c. */
static void begin(uint32_t *sequence)
{
	__atomic_store_n(sequence, *sequence + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void end(uint32_t *sequence)
{
	__atomic_store_n(sequence, *sequence + 1, __ATOMIC_RELEASE);
}

void display_area_set_picture(struct display_area *area, unsigned int head,
			      const struct display_picture *picture)
{
	struct channel_scanout *scanout = &area->shared->scanout[head];

	begin(&scanout->sequence);
	scanout->generation++;
	scanout->enabled = picture != NULL;
	if (picture) {
		scanout->format = picture->format;
		scanout->stride = picture->stride;
		scanout->x = picture->x;
		scanout->y = picture->y;
		scanout->width = picture->width;
		scanout->height = picture->height;
		scanout->extents = picture->extents;
		memcpy(scanout->extent, picture->extent,
		       picture->extents * sizeof(*picture->extent));
	}
	end(&scanout->sequence);
}

void display_area_set_cursor(struct display_area *area, unsigned int head,
			     const struct display_cursor *cursor, const uint32_t *pixels)
{
	struct channel_cursor *shared = &area->shared->cursor[head];

	begin(&shared->sequence);
	shared->visible = cursor->visible;
	shared->hot_x = cursor->hot_x;
	shared->hot_y = cursor->hot_y;
	shared->x = cursor->x;
	shared->y = cursor->y;
	if (pixels) {
		shared->image++;
		memcpy(shared->pixels, pixels, sizeof(shared->pixels));
	}
	end(&shared->sequence);
}

void display_area_set_driver(struct display_area *area, bool present)
{
	__atomic_store_n(&area->shared->driver, present, __ATOMIC_RELEASE);
}

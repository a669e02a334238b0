/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/guest_memory.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define STAT_BLOCK_BYTES 512 /* inode(7): whatever the blocks of the file system are */

/* A memfd promises more than there is; who asks for what the host can never hold is told now. */
static int check_host_has(uint64_t size_bytes)
{
	long pages = sysconf(_SC_PHYS_PAGES), page_size = sysconf(_SC_PAGE_SIZE);

	if (pages <= 0 || page_size <= 0)
		return 0;
	return size_bytes / (uint64_t)page_size > (uint64_t)pages ? -ENOMEM : 0;
}

static int add_regions(struct guestmem *map, uint8_t *host, size_t size_bytes)
{
	size_t low = MIN(size_bytes, LAYOUT_LOW_RAM_END);
	int error = guestmem_add(map, 0, host, low);

	if (!error && size_bytes > low)
		error = guestmem_add(map, LAYOUT_HIGH_RAM, host + low, size_bytes - low);
	return error;
}

int guest_memory_new(struct guest_memory *memory, struct guestmem *map, uint64_t start_bytes,
		     uint64_t plug_bytes)
{
	uint64_t size_bytes = start_bytes + plug_bytes;
	_cleanup_close_ int fd = -EBADF;
	uint8_t *mapping;
	int error = check_host_has(size_bytes);

	if (error)
		return error;
	fd = memfd_create("lodge-guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)size_bytes) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return -errno;
	mapping = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (mapping == MAP_FAILED)
		return -errno;
	/* Where the host lets shared memory have huge pages, it does; and dumps stay small. */
	(void)madvise(mapping, size_bytes, MADV_HUGEPAGE);
	(void)madvise(mapping, size_bytes, MADV_DONTDUMP);
	error = add_regions(map, mapping, start_bytes);
	if (error) {
		munmap(mapping, size_bytes);
		return error;
	}
	*memory = (struct guest_memory){take_fd(&fd), mapping, size_bytes, start_bytes, 0};
	return 0;
}

void guest_memory_free(struct guest_memory *memory)
{
	if (memory->mapping)
		munmap(memory->mapping, memory->size_bytes);
	if (memory->mapping)
		cleanup_close(&memory->fd);
	memory->mapping = NULL;
}

/* @alignment: a power of two. */
static uint64_t align(uint64_t address, uint64_t alignment)
{
	return (address + alignment - 1) & ~(alignment - 1);
}

uint64_t guest_memory_plug_address(uint64_t start_bytes)
{
	uint64_t end = LAYOUT_HIGH_RAM;

	if (start_bytes > LAYOUT_LOW_RAM_END)
		end += start_bytes - LAYOUT_LOW_RAM_END;
	return align(end, LAYOUT_PLUG_ALIGNMENT);
}

/* Aligned as the largest BAR has to be. */
uint64_t guest_memory_high_bars(uint64_t start_bytes, uint64_t plug_bytes)
{
	return align(guest_memory_plug_address(start_bytes) + plug_bytes, LAYOUT_HIGH_BARS_MAX);
}

/* The kernel unmaps what it drops from every process's page tables: there is nothing left that
 * madvise() could add. */
static int punch(const struct guest_memory *memory, uint64_t offset, uint64_t length)
{
	if (fallocate(memory->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
		      (off_t)length) < 0)
		return -errno;
	return 0;
}

int guest_memory_clear(struct guest_memory *memory)
{
	return punch(memory, 0, memory->size_bytes);
}

int guest_memory_give_back(struct guest_memory *memory, uint64_t offset, uint64_t length)
{
	if (offset > memory->size_bytes || length > memory->size_bytes - offset)
		return -ERANGE;
	if (guest_memory_is_pinned(memory))
		return -EBUSY;
	return punch(memory, offset, length);
}

/* Not by the C library, which may use a call that the sandbox does not know. */
int guest_memory_resident(const struct guest_memory *memory, uint64_t *bytes)
{
	struct stat status;

	if (syscall(SYS_fstat, memory->fd, &status) < 0)
		return -errno;
	*bytes = (uint64_t)status.st_blocks * STAT_BLOCK_BYTES;
	return 0;
}

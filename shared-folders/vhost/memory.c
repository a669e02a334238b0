/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/vhost/memory.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <linux/magic.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

struct piece {
	atomic_uint references;
	uint8_t *base;
	size_t mapped;
};

struct entry {
	struct vhost_user_region region;
	struct piece *piece;
};

struct vhost_memory {
	atomic_uint references;
	struct guestmem map;
	struct entry entry[GUESTMEM_MAX_REGIONS];
	size_t count;
};

static void piece_unref(struct piece *piece)
{
	if (!piece || atomic_fetch_sub(&piece->references, 1) != 1)
		return;
	munmap(piece->base, piece->mapped);
	free(piece);
}

/* Huge pages are mapped and unmapped whole. */
static int page_size(int fd, size_t *size)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	*size = fs.f_type == HUGETLBFS_MAGIC ? (size_t)fs.f_bsize : (size_t)getpagesize();
	return 0;
}

/* From the file's beginning: where a piece begins need not be where a (huge) page does. */
static int map_piece(const struct vhost_user_region *region, int fd, struct piece **piece)
{
	struct stat status;
	size_t size, page = 0;
	void *base;
	int result;

	if (region->size == 0 || add_overflows(region->offset, region->size, &size) ||
	    region->gpa > UINT64_MAX - region->size || region->user > UINT64_MAX - region->size)
		return -EINVAL;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (S_ISREG(status.st_mode) && (uint64_t)status.st_size < size)
		return -EINVAL;
	result = page_size(fd, &page);
	if (result < 0)
		return result;
	if (add_overflows(size, page - 1, &size))
		return -EINVAL;
	size -= size % page;
	*piece = calloc(1, sizeof(**piece));
	if (!*piece)
		return -ENOMEM;
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (base == MAP_FAILED) {
		result = -errno;
		free(take_ptr(*piece));
		return result;
	}
	(*piece)->base = base;
	(*piece)->mapped = size;
	atomic_init(&(*piece)->references, 1);
	return 0;
}

/* @piece: ours from now on, also when this fails. */
static int append(struct vhost_memory *memory, const struct vhost_user_region *region,
		  struct piece *piece)
{
	int result =
		guestmem_add(&memory->map, region->gpa, piece->base + region->offset, region->size);

	if (result < 0) {
		piece_unref(piece);
		return result;
	}
	memory->entry[memory->count++] = (struct entry){*region, piece};
	return 0;
}

static int map_and_append(struct vhost_memory *memory, const struct vhost_user_region *region,
			  int fd)
{
	struct piece *piece;
	int result;

	if (memory->count == GUESTMEM_MAX_REGIONS)
		return -ENOSPC;
	result = map_piece(region, fd, &piece);
	return result < 0 ? result : append(memory, region, piece);
}

static struct vhost_memory *make(void)
{
	struct vhost_memory *memory = calloc(1, sizeof(*memory));

	if (memory)
		atomic_init(&memory->references, 1);
	return memory;
}

static int finish(struct vhost_memory *made, int result, struct vhost_memory **memory)
{
	if (result < 0)
		vhost_memory_unref(made);
	else
		*memory = made;
	return result;
}

int vhost_memory_new(const struct vhost_user_region *region, const int *fd, size_t count,
		     struct vhost_memory **memory)
{
	struct vhost_memory *made = make();
	int result = made ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && result == 0; i++)
		result = map_and_append(made, &region[i], fd[i]);
	return finish(made, result, memory);
}

static bool is_same(const struct vhost_user_region *a, const struct vhost_user_region *b)
{
	return a->gpa == b->gpa && a->size == b->size && a->user == b->user;
}

/* All of @old but @without. Return: 1 if that was there, else 0; negative errno. */
static int copy(struct vhost_memory *made, const struct vhost_memory *old,
		const struct vhost_user_region *without)
{
	int result = 0, found = 0;

	for (size_t i = 0; old && i < old->count && result == 0; i++) {
		if (without && is_same(&old->entry[i].region, without)) {
			found = 1;
			continue;
		}
		atomic_fetch_add(&old->entry[i].piece->references, 1);
		result = append(made, &old->entry[i].region, old->entry[i].piece);
	}
	return result < 0 ? result : found;
}

int vhost_memory_add(const struct vhost_memory *old, const struct vhost_user_region *region, int fd,
		     struct vhost_memory **memory)
{
	struct vhost_memory *made = make();
	int result = made ? copy(made, old, NULL) : -ENOMEM;

	if (result == 0)
		result = map_and_append(made, region, fd);
	return finish(made, result, memory);
}

int vhost_memory_remove(const struct vhost_memory *old, const struct vhost_user_region *region,
			struct vhost_memory **memory)
{
	struct vhost_memory *made = make();
	int result = made ? copy(made, old, region) : -ENOMEM;

	if (result == 0)
		result = -ENOENT;
	return finish(made, MIN(result, 0), memory);
}

struct vhost_memory *vhost_memory_ref(struct vhost_memory *memory)
{
	if (memory)
		atomic_fetch_add(&memory->references, 1);
	return memory;
}

void vhost_memory_unref(struct vhost_memory *memory)
{
	if (!memory || atomic_fetch_sub(&memory->references, 1) != 1)
		return;
	for (size_t i = 0; i < memory->count; i++)
		piece_unref(memory->entry[i].piece);
	free(memory);
}

const struct guestmem *vhost_memory_map(const struct vhost_memory *memory)
{
	return &memory->map;
}

int vhost_memory_find(const struct vhost_memory *memory, uint64_t user, uint64_t *gpa)
{
	for (size_t i = 0; i < memory->count; i++) {
		const struct vhost_user_region *region = &memory->entry[i].region;

		if (user >= region->user && user - region->user < region->size) {
			*gpa = region->gpa + (user - region->user);
			return 0;
		}
	}
	return -EFAULT;
}

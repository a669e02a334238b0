/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/memory.h"

#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE_BYTES (64 * 1024)

void memory_set_policy(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	mallopt(M_TRIM_THRESHOLD, LARGE_BYTES);
}

void memory_release(void)
{
	extern const char __executable_start[], etext[]; /* the linker's */
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t first = (uintptr_t)__executable_start & ~(page - 1);
	const uintptr_t last = (uintptr_t)etext & ~(page - 1);

	malloc_trim(0);
	madvise((void *)first, last - first, MADV_DONTNEED);
}

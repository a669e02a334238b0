/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory_folder - a system of a test's own, as far as its memory goes: files of /proc in a folder
 */
#ifndef LODGE_TEST_GUEST_MEMORY_FOLDER_H
#define LODGE_TEST_GUEST_MEMORY_FOLDER_H

#include "tests/unit/guest-agent/folder.h"

#include <sys/stat.h>

static inline void make_folder_of(const char *name)
{
	ck_assert_int_eq(mkdir(in_folder(name), 0755), 0);
}

/* Written aside and renamed: who reads sees the old one or the new one. */
static inline void replace_file(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s", make_file("new", text));
	ck_assert_int_eq(rename(path, in_folder(name)), 0);
}

static inline void set_meminfo(unsigned int available_kib)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "MemTotal:        1000000 kB\nMemFree:          200000 kB\n"
		 "MemAvailable:    %u kB\nBuffers:           10000 kB\n"
		 "Cached:           300000 kB\nSwapCached:            7 kB\n"
		 "Active:           250000 kB\nInactive:         200000 kB\n"
		 "Inactive(file):   120000 kB\nSwapTotal:        500000 kB\n"
		 "SwapFree:         400000 kB\nDirty:             15000 kB\n"
		 "Writeback:          5000 kB\nShmem:             40000 kB\n"
		 "SReclaimable:      30000 kB\nHugePages_Total:       0\n",
		 available_kib);
	replace_file("proc/meminfo", text);
}

static inline void set_vmstat(unsigned int refaulted, unsigned int direct)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "nr_free_pages 50000\nworkingset_refault_anon 3\nworkingset_refault_file %u\n"
		 "pswpin 5\npswpout 6\npgscan_direct %u\npgscan_direct_throttle 9\noom_kill 1\n",
		 refaulted, direct);
	replace_file("proc/vmstat", text);
}

/* A kernel with PSI, whose file takes no triggers. */
static inline void set_pressure(unsigned int some_us, unsigned int full_us)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "some avg10=0.12 avg60=0.00 avg300=0.00 total=%u\n"
		 "full avg10=0.00 avg60=0.00 avg300=0.00 total=%u\n",
		 some_us, full_us);
	replace_file("proc/pressure/memory", text);
}

static inline void make_memory(void)
{
	make_folder();
	make_folder_of("proc");
	make_folder_of("proc/pressure");
	set_meminfo(600000);
	set_vmstat(100, 0);
}

#endif

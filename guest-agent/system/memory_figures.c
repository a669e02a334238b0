/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/memory_figures.h"
#include "protocol/base/bytes.h"
#include "protocol/base/kernel_counts.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What meminfo says beside the fields of the report. */
struct lists {
	uint64_t buffers, cached, shared, slab, inactive_file, dirty, writeback;
};

#define BALLOONS       "/sys/bus/virtio/drivers/virtio_balloon"
#define DEFLATE_ON_OOM 2 /* virtio 1.2, 5.5.3 */

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/*
 * Cache is what could be dropped, in principle: files less what is in memory alone (tmpfs), and
 * the kernel's own caches.
 *
 * Idle, as an estimate: file pages that nobody used twice of late, and that are clean. Anonymous
 * memory starts its life on an inactive list, however busy it is, so none of it is called idle.
 * The rest of what is in use is the working set.
 */
static void derive(const struct lists *lists, struct guest_memory_report *report)
{
	const uint64_t used = less(report->total_bytes, report->free_bytes + report->balloon_bytes);
	const uint64_t idle = less(lists->inactive_file, lists->dirty + lists->writeback);

	report->cached_bytes = less(lists->buffers + lists->cached + lists->slab, lists->shared);
	report->idle_bytes = MIN(idle, used);
	report->working_set_bytes = used - report->idle_bytes;
}

static int read_meminfo(const char *path, struct lists *lists, struct guest_memory_report *report)
{
	const struct kernel_count wanted[] = {
		{"MemTotal", &report->total_bytes},
		{"MemFree", &report->free_bytes},
		{"MemAvailable", &report->available_bytes},
		{"Buffers", &lists->buffers},
		{"Cached", &lists->cached},
		{"Shmem", &lists->shared},
		{"SReclaimable", &lists->slab},
		{"Inactive(file)", &lists->inactive_file},
		{"Dirty", &lists->dirty},
		{"Writeback", &lists->writeback},
		{"SwapTotal", &report->swap_total_bytes},
		{"SwapFree", &report->swap_free_bytes},
	};
	int error = kernel_counts_read(path, wanted, ARRAY_SIZE(wanted), NULL);

	if (error)
		return error;
	return report->total_bytes == 0 ? -EBADMSG : 0;
}

/* Counts of pages since the start. Where a line is missing, the kernel is too old to count. */
static void read_vmstat(const char *path, struct guest_memory_report *report)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t refaulted = 0, inflated = 0, deflated = 0, found;
	const struct kernel_count wanted[] = {
		{"workingset_refault_anon", &report->refaulted_anonymous_bytes},
		{"workingset_refault_file", &report->refaulted_file_bytes},
		{"workingset_refault", &refaulted}, /* of files, before Linux 5.9 */
		{"pswpin", &report->swapped_in_bytes},
		{"pswpout", &report->swapped_out_bytes},
		{"pgscan_direct", &report->scanned_directly_bytes},
		{"oom_kill", &report->oom_kills},
		{"balloon_inflate", &inflated},
		{"balloon_deflate", &deflated},
	};

	if (kernel_counts_read(path, wanted, ARRAY_SIZE(wanted), &found) < 0)
		return;
	if (!(found & 1 << 1))
		report->refaulted_file_bytes = refaulted;
	report->refaulted_anonymous_bytes *= page;
	report->refaulted_file_bytes *= page;
	report->swapped_in_bytes *= page;
	report->swapped_out_bytes *= page;
	report->scanned_directly_bytes *= page;
	report->balloon_bytes = less(inflated, deflated) * page;
}

/* A text of zeros and ones, bit 0 first. */
static bool has_feature(const char *path, size_t bit)
{
	char text[128];
	int length = kernel_file_read(path, text, sizeof(text));

	return length > 0 && (size_t)length > bit && text[bit] == '1';
}

/* Else the kernel takes from MemTotal what the balloon has. */
static bool is_balloon_counted(const char *root)
{
	const struct dirent *entry;
	char path[PATH_MAX];
	bool counted = false;
	DIR *list;

	snprintf(path, sizeof(path), "%s" BALLOONS, root);
	list = opendir(path);
	while (list && (entry = readdir(list))) {
		if (strncmp(entry->d_name, "virtio", 6) != 0)
			continue;
		snprintf(path, sizeof(path), "%s" BALLOONS "/%s/features", root, entry->d_name);
		counted = counted || has_feature(path, DEFLATE_ON_OOM);
	}
	if (list)
		closedir(list);
	return counted;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234", and a line of "full". */
static void read_pressure(const char *path, struct guest_memory_report *report)
{
	char text[256];
	unsigned long long some, full;

	if (kernel_file_read(path, text, sizeof(text)) < 0 ||
	    sscanf(text, "some %*s %*s %*s total=%llu full %*s %*s %*s total=%llu", &some, &full) !=
		    2)
		return;
	report->some_us = some;
	report->full_us = full;
	report->pressure = true;
}

int memory_figures_read(const char *root, struct guest_memory_report *report)
{
	struct lists lists = {0};
	char path[PATH_MAX];
	struct timespec now;
	int error;

	*report = (struct guest_memory_report){0};
	snprintf(path, sizeof(path), "%s/proc/meminfo", root);
	error = read_meminfo(path, &lists, report);
	if (error)
		return error;
	snprintf(path, sizeof(path), "%s/proc/vmstat", root);
	read_vmstat(path, report);
	if (report->balloon_bytes > 0 && !is_balloon_counted(root))
		report->balloon_bytes = 0;
	derive(&lists, report);
	snprintf(path, sizeof(path), "%s/proc/pressure/memory", root);
	read_pressure(path, report);
	if (clock_gettime(CLOCK_BOOTTIME, &now) == 0)
		report->at_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	return 0;
}

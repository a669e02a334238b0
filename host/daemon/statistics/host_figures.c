/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/statistics/host_figures.h"

#include "protocol/base/bytes.h"
#include "protocol/base/kernel_counts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILE	 8192
#define NANOSECONDS	 1000000000ULL
#define NANOSECONDS_A_US 1000ULL

/* Of the folder's @file, as text; false: there is none. */
static bool read_text(const char *proc, const char *file, char text[MAX_FILE])
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", proc, file) < (int)sizeof(path) &&
	       kernel_file_read(path, text, MAX_FILE) > 0;
}

static uint64_t ticks_to_ns(uint64_t ticks)
{
	long a_second = sysconf(_SC_CLK_TCK);

	return ticks * (NANOSECONDS / (uint64_t)(a_second > 0 ? a_second : 100));
}

/* proc_pid_stat(5): user, nice, system, idle, iowait, irq, softirq, steal; guests are in user. */
static void read_processors(const char *proc, struct figures *figures)
{
	uint64_t t[8];
	char text[MAX_FILE];

	if (!read_text(proc, "stat", text) ||
	    sscanf(text, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", &t[0], &t[1], &t[2], &t[3], &t[4],
		   &t[5], &t[6], &t[7]) != (int)ARRAY_SIZE(t))
		return;
	figures_set(figures, HOST_CPU_TIME, ticks_to_ns(t[0] + t[1] + t[2] + t[5] + t[6] + t[7]));
}

static void read_memory(const char *proc, struct figures *figures)
{
	enum { TOTAL, AVAILABLE, SWAP, SWAP_FREE };
	uint64_t bytes[4], found;
	const struct kernel_count wanted[] = {
		[TOTAL] = {"MemTotal", &bytes[TOTAL]},
		[AVAILABLE] = {"MemAvailable", &bytes[AVAILABLE]},
		[SWAP] = {"SwapTotal", &bytes[SWAP]},
		[SWAP_FREE] = {"SwapFree", &bytes[SWAP_FREE]},
	};
	const uint64_t swap = 1U << SWAP | 1U << SWAP_FREE;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/meminfo", proc);
	if (kernel_counts_read(path, wanted, ARRAY_SIZE(wanted), &found) < 0)
		return;
	if (found & 1U << TOTAL)
		figures_set(figures, HOST_MEMORY_TOTAL, bytes[TOTAL]);
	if (found & 1U << AVAILABLE)
		figures_set(figures, HOST_MEMORY_AVAILABLE, bytes[AVAILABLE]);
	if ((found & swap) == swap) {
		figures_set(figures, HOST_SWAP_TOTAL, bytes[SWAP]);
		figures_set(figures, HOST_SWAP_USED,
			    bytes[SWAP] > bytes[SWAP_FREE] ? bytes[SWAP] - bytes[SWAP_FREE] : 0);
	}
}

static void read_pressure(const char *proc, struct figures *figures)
{
	char text[MAX_FILE];
	const char *total;

	if (!read_text(proc, "pressure/memory", text) || strncmp(text, "some ", 5) != 0)
		return;
	total = strstr(text, "total=");
	if (total)
		figures_set(figures, HOST_MEMORY_STALL_TIME,
			    strtoull(total + 6, NULL, 10) * NANOSECONDS_A_US);
}

void host_figures_read(const char *proc, struct figures *figures)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	*figures = (struct figures){0};
	if (processors > 0)
		figures_set(figures, HOST_PROCESSORS, (uint64_t)processors);
	read_processors(proc, figures);
	read_memory(proc, figures);
	read_pressure(proc, figures);
}

uint64_t host_figures_cpu_time(const char *proc, pid_t pid)
{
	char name[32], text[MAX_FILE];
	uint64_t user, system;
	const char *rest;

	snprintf(name, sizeof(name), "%d/stat", (int)pid);
	if (pid <= 0 || !read_text(proc, name, text))
		return 0;
	/* The command's name may have anything in it but ends at the last ')'. Fields 14 and 15. */
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			    &system) != 2)
		return 0;
	return ticks_to_ns(user + system);
}

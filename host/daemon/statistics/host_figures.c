/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/statistics/host_figures.h"

#include "protocol/base/bytes.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILE	 8192
#define NANOSECONDS	 1000000000ULL
#define NANOSECONDS_A_US 1000ULL
#define KIB		 1024ULL

/* The first bytes of a file, as text; false: there is none. */
static bool read_text(const char *proc, const char *file, char text[MAX_FILE])
{
	char path[128];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", proc, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	length = read(fd, text, MAX_FILE - 1);
	close(fd);
	if (length <= 0)
		return false;
	text[length] = '\0';
	return true;
}

/* The number after @name, which begins a line. */
static bool find_number(const char *text, const char *name, uint64_t *number)
{
	size_t length = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0)
			return sscanf(line + length, "%lu", number) == 1;
	}
	return false;
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
	uint64_t total, available, swap, swap_free;
	char text[MAX_FILE];

	if (!read_text(proc, "meminfo", text))
		return;
	if (find_number(text, "MemTotal:", &total))
		figures_set(figures, HOST_MEMORY_TOTAL, total * KIB);
	if (find_number(text, "MemAvailable:", &available))
		figures_set(figures, HOST_MEMORY_AVAILABLE, available * KIB);
	if (find_number(text, "SwapTotal:", &swap) && find_number(text, "SwapFree:", &swap_free)) {
		figures_set(figures, HOST_SWAP_TOTAL, swap * KIB);
		figures_set(figures, HOST_SWAP_USED,
			    swap > swap_free ? (swap - swap_free) * KIB : 0);
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

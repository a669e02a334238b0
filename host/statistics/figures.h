/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * figures - the numbers that are told of a host and of a VM
 *
 * A figure has one key, which D-Bus (Statistics), the page and the wire use, and one name for
 * Prometheus. What is not known is not there: a figure is never made up.
 */
#ifndef LODGE_STATISTICS_FIGURES_H
#define LODGE_STATISTICS_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vm_figure {
	VM_TIME, /* when the others were read: nanoseconds of CLOCK_MONOTONIC */
	VM_PROCESSORS,
	VM_CPU_TIME,
	VM_MEMORY_MAXIMUM,
	VM_MEMORY_MINIMUM,
	VM_MEMORY_TARGET,
	VM_MEMORY_ACTUAL,
	VM_MEMORY_RESIDENT,
	VM_MEMORY_AVAILABLE,
	VM_MEMORY_CACHE,
	VM_MEMORY_WORKING_SET,
	VM_MEMORY_STALL_TIME,
	VM_OOM_KILLS,
	VM_DISK_READ_BYTES,
	VM_DISK_WRITTEN_BYTES,
	VM_DISK_READS,
	VM_DISK_WRITES,
	VM_NETWORK_RECEIVED_BYTES,
	VM_NETWORK_SENT_BYTES,
	VM_NETWORK_RECEIVED_PACKETS,
	VM_NETWORK_SENT_PACKETS,
	VM_FIGURES,
};

enum host_figure {
	HOST_TIME,
	HOST_PROCESSORS,
	HOST_CPU_TIME,
	HOST_MEMORY_TOTAL,
	HOST_MEMORY_AVAILABLE,
	HOST_MEMORY_STALL_TIME,
	HOST_SWAP_TOTAL,
	HOST_SWAP_USED,
	HOST_FIGURES,
};

enum figure_kind {
	FIGURE_GAUGE,
	FIGURE_COUNTER, /* a sum that only grows while the VM runs */
};

enum figure_unit {
	FIGURE_NUMBER,
	FIGURE_BYTES,
	FIGURE_NANOSECONDS,
};

struct figure {
	const char *key;    /* "DiskReadBytes" */
	const char *metric; /* "lodge_vm_disk_read_bytes_total"; NULL: not told to Prometheus */
	enum figure_kind kind;
	enum figure_unit unit;
	const char *help; /* one line */
};

struct figure_table {
	const struct figure *figure;
	size_t count;
};

/* Indexed by enum vm_figure and enum host_figure. */
extern const struct figure_table vm_figure_table, host_figure_table;

#define FIGURES_MAX 32

struct figures {
	uint32_t known; /* bit N: value[N] is */
	uint64_t value[FIGURES_MAX];
};

static inline void figures_set(struct figures *figures, unsigned int which, uint64_t value)
{
	figures->known |= 1U << which;
	figures->value[which] = value;
}

static inline bool figures_have(const struct figures *figures, unsigned int which)
{
	return figures->known >> which & 1;
}

#endif

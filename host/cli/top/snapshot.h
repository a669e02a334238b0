/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * snapshot - all VMs and their host at one moment, for `lodge top`
 *
 * Counters are totals since a VM's start; snapshot_rates() makes rates of two snapshots. Text is
 * clean (see text.h).
 */
#ifndef LODGE_CLI_TOP_SNAPSHOT_H
#define LODGE_CLI_TOP_SNAPSHOT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNAPSHOT_WORD_MAX 24
#define SNAPSHOT_NAME_MAX 256

/* What is counted, in bytes. */
enum snapshot_counter {
	SNAPSHOT_DISK_READ,
	SNAPSHOT_DISK_WRITTEN,
	SNAPSHOT_NET_RECEIVED,
	SNAPSHOT_NET_SENT,
	SNAPSHOT_COUNTERS,
};

struct snapshot_vm {
	char name[SNAPSHOT_NAME_MAX];
	char state[SNAPSHOT_WORD_MAX];	/* running, paused, ... */
	char memory[SNAPSHOT_WORD_MAX]; /* the memory manager's word for it; "": it has none */
	uint64_t at_ns;			/* when its counters were read */
	uint64_t cpus;

	bool has_cpu;
	uint64_t cpu_ns;
	bool has_counter[SNAPSHOT_COUNTERS];
	uint64_t counter[SNAPSHOT_COUNTERS];

	/* Bytes; 0: not known. */
	uint64_t maximum, minimum, target, actual, working_set, resident;
	bool has_stall;
	uint64_t stall_ns; /* in which tasks waited for memory */
	double pressure;   /* part of time that they do; negative: not known */

	/* Made by snapshot_rates(). Negative: not known. */
	double cpu_part; /* 1: one processor */
	double rate[SNAPSHOT_COUNTERS];
};

struct snapshot {
	char policy[SNAPSHOT_WORD_MAX]; /* on, off, dry-run; "": not known */
	uint64_t at_ns;
	uint64_t cpus;
	uint64_t total, available, reserve, budget, charged; /* bytes; 0: not known */
	uint64_t emergency;				     /* as memory_totals has it */
	bool has_cpu;
	uint64_t cpu_ns; /* busy, all processors together */
	bool has_stall;
	uint64_t stall_ns;
	double cpu_part; /* of one processor, by snapshot_rates(); negative: not known */
	double pressure; /* by snapshot_rates(); negative: not known */

	struct snapshot_vm *vms;
	size_t count;
};

/* What lodged tells, each an object, or NULL where it does not. */
struct snapshot_sources {
	struct json_object *host, *vms;	     /* Statistics: of the host; name -> of a VM */
	struct json_object *policy, *memory; /* ListMemory: of the host; name -> of a VM */
};

/**
 * snapshot_read() - a snapshot out of what lodged tells
 * @snapshot:	set on success; to be ended
 *
 * Return: 0 or -ENOMEM.
 */
int snapshot_read(const struct snapshot_sources *sources, struct snapshot *snapshot);

/* Rates since @before, which may be NULL: then none is known. VMs are the same by their names; a
 * counter that went back is a VM that was started anew, and has no rate yet. A pressure that cannot
 * be told so stays. */
void snapshot_rates(struct snapshot *now, const struct snapshot *before);

enum snapshot_order {
	SNAPSHOT_BY_NAME,
	SNAPSHOT_BY_CPU,
	SNAPSHOT_BY_MEMORY,
	SNAPSHOT_BY_PRESSURE,
};

/* The largest first; of equals, and by name, in the order of the alphabet. */
void snapshot_sort(struct snapshot *snapshot, enum snapshot_order order);

/* Frees what it holds; an all-zero one is fine. */
void snapshot_end(struct snapshot *snapshot);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm_memory - how the manager sees and moves one VM's memory
 *
 * Each kind of VM has a driver (lodge-vmm over its control socket, libvirt's domains): a table of
 * functions that return at once and whose failures are told by memory_member_failed(). What a
 * driver learns it tells by the functions below, on the loop, in the order of the times when it was
 * true. @owner is what the member was made with; a backend's is its struct vm.
 */
#ifndef LODGE_DAEMON_MEMORY_VM_MEMORY_H
#define LODGE_DAEMON_MEMORY_VM_MEMORY_H

#include "host/daemon/memory/policy.h"

struct memory_member;
struct memory_member_config;

struct vm_memory_driver {
	/* Look now: memory_member_observe(), and where the guest has told something new
	 * memory_member_sample() after it, follow soon, or never. Called once a second while the
	 * memory is managed or somebody watches, four times a second while the host runs short. */
	void (*observe)(void *owner);
	/* The guest is to have so much; between 1 MiB and the machine's memory. */
	void (*set_target)(void *owner, uint64_t target_bytes);
	/* memory.high for the VM's processes, guest memory and all; 0: none. NULL: cannot be. */
	void (*set_limit)(void *owner, uint64_t limit_bytes);
	/* Whether that can be for this VM. NULL: as there is set_limit. */
	bool (*can_limit)(void *owner);
	/* Stops and starts the VM's processors. NULL: cannot be. */
	void (*pause)(void *owner, bool pause);
	/* The guest is to give up so much of what it uses least; whether it does, its figures
	 * tell. Asked where its samples say that it can. NULL: it cannot be asked. */
	void (*reclaim)(void *owner, uint64_t bytes);
	/* What the VM's owner has set, for the next lodged. NULL: nothing is kept. */
	void (*keep)(void *owner, const struct memory_member_config *config);
	/* The VMM offers the VM's memory to be merged (ksm.h), where it is anonymous. */
	bool merges;
};

/* What the VM's owner has set. */
struct memory_member_config {
	uint64_t maximum_bytes; /* at most the machine's memory */
	uint64_t minimum_bytes;
	uint32_t shares;
	uint64_t fixed_bytes; /* 0: the size is the policy's to choose */
	uint64_t start_bytes; /* not 0: of the machine's memory, what it starts with; the rest is
			       * plugged in while it runs */
	bool watched;	      /* it does not take part: it is looked at and never touched, and its
				 memory counts as used by others */
};

/* What a VM starts with if its owner has set nothing: it takes part, its minimum is a quarter of
 * the machine's memory, and 128 MiB where that is not more than the machine has. */
void memory_config_default(uint64_t machine_bytes, struct memory_member_config *config);

/* --- What a driver tells ---------------------------------------------------------------------- */

/* The clock of all at_ms; a driver subtracts from it the age of what it tells. */
uint64_t memory_member_now(const struct memory_member *member);

/* at_ms 0: now. From the first observation on the VM gets targets. */
void memory_member_observe(struct memory_member *member,
			   const struct memory_observation *observation);

/* Of the machine's memory it can have so much by now: what it started with, until its guest has put
 * into use what is plugged in. Before the first call it is what it started with. A size that its
 * owner has fixed is asked for all the same. */
void memory_member_reach(struct memory_member *member, uint64_t bytes);

/* Who a sample comes from; while the agent's are fresh, statistics are ignored. */
enum memory_source { MEMORY_FROM_NOBODY, MEMORY_FROM_BALLOON, MEMORY_FROM_AGENT };
void memory_member_sample(struct memory_member *member, enum memory_source source,
			  const struct memory_sample *sample);

/* Somebody has use for statistics, and the guest's agent tells nothing. */
bool memory_member_needs_statistics(const struct memory_member *member);

/* The guest stalls, or is below its mark: it is served within 250 ms. */
void memory_member_urgent(struct memory_member *member);
/* The same, told by its figures of stalls alone, with the sample that was passed last: nothing
 * where that is what giving memory back costs (inflation.h). */
void memory_member_stalls(struct memory_member *member);

/* An earlier manager paused it: it goes on with the next step, unless there is still no memory. */
void memory_member_was_paused(struct memory_member *member);

/* An earlier manager may have limited it: that ends with the next step, unless there is still no
 * memory. */
void memory_member_was_limited(struct memory_member *member);

/* What was to be done was not: it is tried again with the next step. */
void memory_member_failed(struct memory_member *member);

/* --- Statistics of a balloon device ----------------------------------------------------------- */

/* As a device tells them (virtio 1.2, 5.5.6.4); what a guest does not tell is 0. */
struct memory_statistics {
	uint64_t actual_bytes; /* the machine's memory less the balloon, when they were taken; 0:
				* as was observed then */
	bool has_available;    /* else it is what is free and cached */
	uint64_t free_bytes, available_bytes, caches_bytes;
	uint64_t swap_in_bytes, swap_out_bytes;
	uint64_t stalls;      /* allocations that had to wait for reclaim */
	uint64_t total_bytes; /* all that the guest's kernel has */
	uint64_t age_ms;
	uint32_t period_ms;
};

/*
 * A sample out of statistics. A guest that deflates on OOM counts its balloon as memory in use, and
 * leaves MemTotal as it was; so used memory is never taken from the guest's total, but is what the
 * host says that the guest has, less what is available to it.
 */
void memory_sample_of_statistics(const struct memory_statistics *statistics, uint64_t now_ms,
				 struct memory_sample *sample);

#endif

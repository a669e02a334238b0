/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manager_internal - what the files of the manager share; nobody else includes it
 */
#ifndef LODGE_DAEMON_MEMORY_MANAGER_INTERNAL_H
#define LODGE_DAEMON_MEMORY_MANAGER_INTERNAL_H

#include "host/daemon/memory/inflation.h"
#include "host/daemon/memory/manager.h"

/* Counters of one guest from several sources: they go on where the source changes. */
struct member_counters {
	uint64_t refaulted_bytes, swapped_in_bytes, stall_us;
};

/* Sizes that were observed, the last ones: five a second at most while they change. */
#define MEMBER_SIZES 16

struct member_size {
	uint64_t at_ms, actual_bytes, plugged_bytes;
};

struct memory_member {
	struct memory_manager *manager;
	struct memory_member *next;
	char name[MEMORY_MEMBER_NAME];
	uint64_t machine_bytes;
	uint64_t reach_bytes; /* what of it it can have by now */
	struct memory_member_config config;
	const struct vm_memory_driver *driver;
	void *driver_owner;
	struct memory_vm *vm; /* the policy's; NULL: not managed */
	bool waits;	      /* to be ready to be started */

	bool observed, sampled;
	struct memory_observation seen;
	struct member_size size[MEMBER_SIZES]; /* a ring */
	unsigned int sizes;		       /* how many there ever were */
	struct memory_sample sample;	       /* as the policy got it */
	enum memory_source source;
	struct member_counters raw; /* as the source told them */
	struct inflation inflation;
	uint64_t first_total_bytes; /* MemTotal without what is plugged in; 0: not known */

	/* What was carried out. */
	uint64_t target_bytes; /* 0: nothing yet */
	uint64_t limit_bytes;  /* UINT64_MAX: not known */
	bool paused;
};

struct memory_manager {
	struct memory_policy *policy;
	struct memory_settings settings;
	const struct memory_manager_hooks *hooks;
	void *owner;
	struct memory_member *members; /* in the order of their coming */
	struct host_memory host;
	uint64_t other_bytes;
	bool stalled;
	bool hurry; /* the next tick is a step */
	unsigned int phase;
	int emergency;	    /* of the last step */
	uint64_t looked_ms; /* 0: nobody has */
};

/* manager.c */
uint64_t manager_now(const struct memory_manager *manager);
void manager_log(const struct memory_manager *manager, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* As the policy is to see it. */
void member_policy_config(const struct memory_member *member,
			  const struct memory_member_config *config,
			  struct memory_vm_config *result);
/* Lets go of what an emergency did to it. */
void member_release(struct memory_member *member);

/* manager_tick.c */
/* 0 or -errno; the policy knows the host's figures then. */
int manager_read_host(struct memory_manager *manager);

#endif

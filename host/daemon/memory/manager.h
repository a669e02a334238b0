/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manager - drives the policy over the VMs of this host
 *
 * The policy decides, drivers (vm_memory.h) look and move, the manager is between them: it adds up
 * the host's figures, feeds what drivers tell, steps, and carries decisions out. It has no loop and
 * no clock: whoever made it calls memory_manager_tick() every MEMORY_TICK_MS while
 * memory_manager_is_busy(), and may sleep otherwise.
 *
 * In a tick the host is looked at; each fourth asks the drivers to look, and the next one steps
 * with what they have told. An urgent guest, and a host that runs short, make every tick a step.
 */
#ifndef LODGE_DAEMON_MEMORY_MANAGER_H
#define LODGE_DAEMON_MEMORY_MANAGER_H

#include "host/daemon/memory/vm_memory.h"

#define MEMORY_TICK_MS	   250
#define MEMORY_MEMBER_NAME 512

struct memory_manager;

enum memory_mode {
	MEMORY_MODE_ON,
	MEMORY_MODE_DRY_RUN, /* says what it would do, and does nothing */
	MEMORY_MODE_OFF,     /* sizes stay as they are, but for what is set by hand */
};

enum memory_speed { MEMORY_SPEED_CALM, MEMORY_SPEED_NORMAL, MEMORY_SPEED_QUICK };

struct memory_settings {
	enum memory_mode mode;
	enum memory_speed speed;
	uint64_t reserve_bytes; /* kept free; 0: 4 % of the host, 256 MiB at least */
	uint64_t total_bytes;	/* all VMs together get no more than this less the reserve; 0: what
				   the host has */
	bool ksm;		/* the kernel's merging of equal pages is driven (ksm.h) */
	bool whole; /* sizes are charged whole: what guests have not taken is not lent */
};

const char *memory_mode_name(enum memory_mode mode);
const char *memory_speed_name(enum memory_speed speed);
/* -EINVAL: there is none of that name. */
int memory_mode_named(const char *name, enum memory_mode *mode);
int memory_speed_named(const char *name, enum memory_speed *speed);

/* What /proc says of the host. */
struct host_memory {
	uint64_t total_bytes, available_bytes, swap_used_bytes;
	uint64_t ksm_saved_bytes; /* really saved, that is */
};

struct memory_manager_hooks {
	uint64_t (*now_ms)(void *owner);
	/* 0 or -errno: then the last figures stand. */
	int (*read_host)(void *owner, struct host_memory *host);
	/* memory_manager_is_busy() may have become true. */
	void (*wanted)(void *owner);
	/* A member that was not, is ready to be started; or is no longer to be waited for. */
	void (*ready)(void *owner, void *member_owner);
	/* One line about what was, or would be, done. */
	void (*log)(void *owner, const char *text);
};

/* 0, -ENOMEM, or why the host's figures cannot be read. */
int memory_manager_new(const struct memory_settings *settings,
		       const struct memory_manager_hooks *hooks, void *owner,
		       struct memory_manager **manager);
/* Its members go with it. NULL is fine. */
void memory_manager_free(struct memory_manager *manager);

/* Somebody takes part, or has looked lately. */
bool memory_manager_is_busy(const struct memory_manager *manager);
void memory_manager_tick(struct memory_manager *manager);
/* The host's PSI trigger went off. It counts where the host has little memory left: a cgroup with a
 * limit of its own stalls too. */
void memory_manager_stalled(struct memory_manager *manager);

const struct memory_settings *memory_manager_settings(const struct memory_manager *manager);
/* -EINVAL, with one line for people: then nothing has changed. */
int memory_manager_set(struct memory_manager *manager, const struct memory_settings *settings,
		       char *error, size_t capacity);

/**
 * memory_manager_admit() - a VM that is to be started
 * @name:	for people; copied
 * @machine_bytes: the machine's memory
 *
 * Return: 0 with @member, which may be started once memory_member_is_ready(); -ENOSPC where its
 * minimum does not fit; -EINVAL for a config that makes no sense; -ENOMEM. One line for people in
 * @error.
 */
int memory_manager_admit(struct memory_manager *manager, const char *name, uint64_t machine_bytes,
			 const struct memory_member_config *config,
			 const struct vm_memory_driver *driver, void *driver_owner, char *error,
			 size_t capacity, struct memory_member **member);
/* One that runs already, which is not refused. */
int memory_manager_adopt(struct memory_manager *manager, const char *name, uint64_t machine_bytes,
			 const struct memory_member_config *config,
			 const struct vm_memory_driver *driver, void *driver_owner, char *error,
			 size_t capacity, struct memory_member **member);
/* NULL is fine. */
void memory_member_free(struct memory_member *member);

bool memory_member_is_ready(const struct memory_member *member);
const struct memory_member_config *memory_member_config(const struct memory_member *member);
uint64_t memory_member_machine_bytes(const struct memory_member *member);
/* What its owner sets. @keep: the driver keeps it. As memory_manager_admit(); nothing has changed
 * if it fails. */
int memory_member_configure(struct memory_member *member, const struct memory_member_config *config,
			    bool keep, char *error, size_t capacity);

/* --- For who looks ---------------------------------------------------------------------------- */

/* What is known of a VM; 0 where nothing is. */
struct memory_member_view {
	const char *name;
	void *owner; /* the driver's */
	const struct memory_member_config *config;
	uint64_t machine_bytes, reach_bytes;
	struct memory_decision decision; /* of a watched VM: target, demand are its actual size */
	bool observed, sampled;
	struct memory_observation seen;
	struct memory_sample sample;
	enum memory_source source;
	uint64_t used_bytes;  /* that the guest cannot drop: its working set without cache */
	uint64_t cache_bytes; /* that it could */
	uint64_t age_ms;      /* of the sample */
	const char *state;    /* a memory_state's name; "watched", "off" */
	const char *trend;    /* "grows", "shrinks", "" */
	bool paused;	      /* by the manager */
};

struct memory_manager_view {
	struct memory_totals totals;
	struct host_memory host;
	uint64_t other_bytes;
	bool limits;		  /* some driver can set limits */
	uint64_t mergeable_bytes; /* held for VMs whose memory can be merged */
};

/* Looks at everybody soon, and for ten seconds. */
void memory_manager_look(struct memory_manager *manager);
void memory_manager_view(const struct memory_manager *manager, struct memory_manager_view *view);
void memory_member_view(const struct memory_member *member, struct memory_member_view *view);
/* The first of all, and the one after @member; NULL at the end. */
struct memory_member *memory_manager_next(const struct memory_manager *manager,
					  const struct memory_member *member);
/* The last decision in plain words: as memory_vm_explain(). */
int memory_member_explain(const struct memory_member *member, char *text, size_t size);

#endif

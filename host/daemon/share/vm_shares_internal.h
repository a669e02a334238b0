/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of a VM's shares, shared by vm_shares.c (the list) and vm_shares_agent.c (what passes
 * between them and the guest's agent).
 */
#ifndef LODGE_DAEMON_VM_SHARES_INTERNAL_H
#define LODGE_DAEMON_VM_SHARES_INTERNAL_H

#include "host/daemon/share/vm_shares.h"

#include <uv.h>

enum vm_share_place {
	VM_SHARE_NOT_TOLD, /* or it has no place in the guest */
	VM_SHARE_MOUNTED,
	VM_SHARE_NOT_MOUNTED,
};

struct vm_share {
	struct vm_share *next;
	struct vm_shares *shares;
	struct share_spec spec;
	struct share_server *server; /* NULL: it failed */
	backend_done done;	     /* who added it waits; NULL: nobody */
	void *owner;
	uint64_t patience_ms; /* of uv_now(): who waits for the agent's word waits no longer; 0 */
	unsigned int mounts;
	bool was_ready; /* the agent knows it */
	enum vm_share_place place;
	char trouble[512];
};

struct vm_shares {
	struct vm *vm;
	struct vm_share *list;
	struct stream *attach; /* NULL: the agent is not told */
	uv_timer_t again, patience;
	unsigned int timers; /* not closed yet, at the end */
	bool started;
	backend_done prepared; /* who waits for all; NULL: nobody */
	void *prepared_owner;
	size_t preparing; /* not ready yet */
};

/* --- vm_shares.c ------------------------------------------------------------------------------ */

struct vm_share *vm_share_find(const struct vm_shares *shares, const char *name, size_t length);

/* The agent said whether it has mounted it, and why not: its words, bounded and valid UTF-8. The
 * share may be gone afterwards. */
void vm_share_told(struct vm_share *share, bool is_mounted, const char *why);
/* Nobody waits for the agent's word any more. */
void vm_shares_agent_lost(struct vm_shares *shares);

/* --- vm_shares_agent.c ------------------------------------------------------------------------ */

/* The list has changed. */
void vm_shares_tell(struct vm_shares *shares);

/* For uv_timer_start(): the agent may be asked again. */
void vm_shares_on_again(uv_timer_t *timer);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ksm - the kernel's merging of equal pages, driven by demand
 *
 * ksmd costs processor time, and merges only what processes have offered: QEMU's guest memory where
 * it is anonymous, never lodge-vmm's, which is a memfd (Documentation/admin-guide/mm/ksm.rst). So
 * it runs while VMs want nearly all that there is, as fast as that calls for, and no longer than it
 * pays: one that has seen all pages three times and saved next to nothing rests for minutes. What
 * was merged stays so when it stops, until it is written to.
 *
 * Where it runs already, or is turned off meanwhile, it is somebody else's, and is left alone. What
 * a lodged that was killed drove is taken back by the next one (struct ksm_keeper).
 */
#ifndef LODGE_DAEMON_MEMORY_KSM_H
#define LODGE_DAEMON_MEMORY_KSM_H

#include <stdbool.h>
#include <stdint.h>

#define KSM_LOOK_MS 10000

/* What is really saved: nothing unless it runs, and less what its bookkeeping costs, as the kernel
 * tells it (general_profit), or by a struct for each page that it looks at. @root: a folder that
 * has "sys" in it; "" is this host. */
uint64_t ksm_saved(const char *root);

struct ksm_need {
	uint64_t budget_bytes;	  /* of all VMs, without what merging adds */
	uint64_t demand_bytes;	  /* of all VMs */
	uint64_t mergeable_bytes; /* that the host holds for VMs and that can be merged */
};

enum ksm_event {
	KSM_NOTHING,
	KSM_STARTED,
	KSM_STOPPED,   /* memory is no longer scarce */
	KSM_POINTLESS, /* stopped: it saves next to nothing */
	KSM_REFUSED,   /* its files cannot be written: it is left alone */
	KSM_TAKEN,     /* somebody else drives it: it is left alone */
};

/* What the next one has to know. */
struct ksm_kept {
	bool driven;	       /* it runs because of us */
	uint64_t pages_before; /* pages_to_scan as it was found */
	uint64_t pages;	       /* as we set it; 0: that cannot be set */
};

struct ksm_keeper {
	struct ksm_kept found; /* what the last one kept */
	/* Called before something is otherwise, if it is to be stopped again, and else after it. */
	void (*keep)(void *owner, const struct ksm_kept *kept);
	void *owner;
};

struct ksm {
	const char *root;
	struct ksm_keeper keeper;
	struct ksm_kept own;
	bool left; /* alone, until ksm_begin() */
	uint64_t looked_ms;
	uint64_t scans_before; /* when it was started */
	uint64_t rest_until_ms, rest_ms;
};

/**
 * ksm_begin() - from now on it may be driven
 * @root:	as ksm_saved() has it; outlives it
 * @keeper:	NULL: nothing is kept
 *
 * Return: whether it runs because of who was there before, at the pace that was kept: then it goes
 * on, and ends with ksm_end().
 */
bool ksm_begin(struct ksm *ksm, const char *root, const struct ksm_keeper *keeper);

/* Does what is to be done, every KSM_LOOK_MS; what it did, for the log. */
enum ksm_event ksm_look(struct ksm *ksm, const struct ksm_need *need, uint64_t now_ms);

/* Everything is as it was found. */
void ksm_end(struct ksm *ksm);

#endif

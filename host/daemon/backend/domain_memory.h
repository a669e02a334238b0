/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * domain_memory - the memory of libvirt's domains, for the manager: looked at, and set
 *
 * One call asks for the figures of all domains of a libvirt, and does not wait for one that is
 * busy. What is to be set is carried out by a call a domain, one at a time: what is wished
 * meanwhile is carried out next, the last wish of each kind only. So a domain that hangs holds up
 * itself alone; a libvirt that hangs is silence, which the policy knows how to judge.
 *
 * A domain takes part if its metadata says so (memory_metadata.h). Only then is anything changed in
 * it: its balloon's target and limit, how often its balloon driver tells figures; and only then is
 * its agent connected to. Others are looked at while somebody watches.
 */
#ifndef LODGE_DAEMON_DOMAIN_MEMORY_H
#define LODGE_DAEMON_DOMAIN_MEMORY_H

#include "host/daemon/backend/memory_figures.h"
#include "host/daemon/backend/memory_metadata.h"
#include "host/daemon/memory/vm_memory.h"

#include <stdbool.h>
#include <stdint.h>

struct domain;
struct domain_facts;
struct domain_host;
struct libvirt_event;

/* What libvirt is to do: of each kind, if is_ says so. */
struct domain_wish {
	bool is_target, is_limit, is_period, is_pause;
	uint64_t target_bytes;
	uint64_t limit_bytes; /* 0: none */
	unsigned int period_s;
	bool pause;
	char metadata[MEMORY_METADATA_TEXT]; /* "": as it is */
};

/* Part of struct domain. */
struct domain_memory {
	struct memory_figures figures; /* the last */
	bool driver;		       /* has been seen at work */
	bool follows;		       /* its period is ours, and its agent was asked for */
	unsigned int period_before;    /* what it was without us */
	bool limited;
	struct domain_wish wish;
	bool carrying_out, read_again;
	char trouble[160]; /* why a wish was not carried out the last time; or "" */
};

/* Of vm_memory.h; the owner is the struct vm. */
extern const struct vm_memory_driver domain_memory_driver;

/* A domain that was listed is the manager's to know. */
void domain_memory_begin(struct domain *domain);

/* libvirt says that its balloon has another size, or that its metadata may have changed. */
void domain_memory_told(struct domain *domain, const struct libvirt_event *event);
/* Its XML was read again. */
void domain_memory_reread(struct domain *domain, const struct domain_facts *facts);
/* What was wished while libvirt could not be reached is carried out now. */
void domain_memory_reached(struct domain_host *host);

#endif

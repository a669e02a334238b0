/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * domains - the VMs of this host's libvirt, which Lodge did not start
 *
 * lodged keeps a connection to each libvirt of libvirt_uris() that is there, lists its running
 * domains as VMs, and hears of their life. It starts nothing for a domain, and leaves nothing in
 * it, before somebody asks: a domain costs a few kilobytes and no work. A domain is never ended
 * unless it is asked for; it is libvirt's.
 *
 *	domains.c	connections: opened, lost, opened again; events
 *	domain_survey.c	what runs
 *	domain.c	a domain as a VM: the backend that it has
 *	domain_call.c	a call about a domain, in a thread of its own
 *	domain_ports.c	what is opened in a domain when it is asked for: agent, console, display
 *	domain_memory.c	its memory, for the manager
 *	domain_facts.c	what its XML says
 *	domain_count.c	figures of all domains of a libvirt
 */
#ifndef LODGE_DAEMON_DOMAINS_H
#define LODGE_DAEMON_DOMAINS_H

#include "host/daemon/backend.h"

#include <stdbool.h>

struct lodged;
struct domains;
struct statistics_round;

/* Begins to connect. NULL: there is no libvirt to look for, or no memory. */
struct domains *domains_new(struct lodged *lodged);
/* After the VMs. NULL is fine. */
void domains_free(struct domains *domains);

/* Somebody wants to know: looks whether a libvirt that was not there is there now. NULL is fine. */
void domains_look_again(struct domains *domains);
/* true: nothing more will be known soon. NULL: true. */
bool domains_are_listed(const struct domains *domains);
/* true: some libvirt is there, which may have domains that do not run. NULL: false. */
bool domains_any(const struct domains *domains);
/* Why a libvirt that is there is not listed, one line for people; NULL: there is no such, or no
 * more.
 * @at counts from 0. */
const char *domains_trouble(const struct domains *domains, size_t *at, char *text, size_t capacity);
/* Those who wait for that. */
struct vm_waiter **domains_waiters(struct domains *domains);

/* Has figures of the domains read (statistics/statistics.h). NULL is fine. */
void domains_count(struct domains *domains, struct statistics_round *round);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory - the agent takes little, and gives back what it took for a while
 */
#ifndef LODGE_AGENT_MEMORY_H
#define LODGE_AGENT_MEMORY_H

/* Once, before threads: one arena for all of them, and what is large goes back when freed. */
void memory_set_policy(void);

/*
 * Free heap goes back to the kernel, and so do the pages of the program's code: they come back from
 * the page cache, those that are called, at the cost of a minor fault each.
 */
void memory_release(void);

#endif

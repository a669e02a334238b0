/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent_memory - what a guest's agent tells of its memory
 *
 * One memory.watch a VM, while it has an agent that can and a place in the memory manager; its
 * reports become samples (memory/vm_memory.h). Where there is none, the balloon's statistics serve.
 */
#ifndef LODGE_DAEMON_AGENT_MEMORY_H
#define LODGE_DAEMON_AGENT_MEMORY_H

#include "host/daemon/memory/vm_memory.h"
#include "protocol/message.h"

struct vm;

/* The agent has come, or the VM has come into the manager: nothing, if it watches already. */
void agent_memory_start(struct vm *vm);

/* vm_memory_driver.reclaim of guests with an agent. @owner: the VM. */
void agent_memory_reclaim(void *owner, uint64_t bytes);

/* A sample out of a report, which is a guest's claim. @now_ms: when it came. */
void agent_memory_sample(const struct guest_memory_report *report, uint64_t now_ms,
			 struct memory_sample *sample);

#endif

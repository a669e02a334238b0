/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodged_memory - lodged's memory manager: its clock, its settings, and the VMs in it
 *
 * One timer and the host's PSI trigger, only while a VM takes part or somebody looks. Settings are
 * kept in <runtime>/memory.json, a VM's in its descriptor (or by its driver).
 */
#ifndef LODGE_DAEMON_LODGED_MEMORY_H
#define LODGE_DAEMON_LODGED_MEMORY_H

#include "host/daemon/memory/manager.h"
#include "host/daemon/memory_kept.h"

struct lodged;
struct lodged_memory;
struct vm;

/* Return: 0; -errno: the host's figures cannot be read, and no VM takes part. */
int lodged_memory_new(struct lodged *lodged, struct lodged_memory **memory);
/* After the VMs. NULL is fine. */
void lodged_memory_free(struct lodged_memory *memory);
/* NULL for NULL. */
struct memory_manager *lodged_memory_manager(struct lodged_memory *memory);

/* memory_manager_set(), and keeps them. -EIO: set, but not kept, with why. */
int lodged_memory_set(struct lodged_memory *memory, const struct memory_settings *settings,
		      char *error, size_t capacity);

/**
 * lodged_memory_admit() - a VM that Lodge is to start takes part
 *
 * vm->memory is set, unless its backend has no driver or there is no manager. Wait at
 * vm->memory_waiters until memory_member_is_ready().
 *
 * Return: 0; as memory_manager_admit().
 */
int lodged_memory_admit(struct vm *vm, char *error, size_t capacity);
/* One that runs already; what fails is logged. @config: NULL: as its options say. */
void lodged_memory_adopt(struct vm *vm, const struct memory_member_config *config);
/* vm_memory_driver.keep of the VMs that Lodge started: their descriptors. @owner: the VM. */
void lodged_memory_keep(void *owner, const struct memory_member_config *config);
/* vm_memory_driver.pause by the command of the VM's backend. @owner: the VM. */
void lodged_memory_pause(void *owner, bool pause);
/* For drivers that pause or limit in another way: the next lodged undoes it. */
void lodged_memory_keep_done(const struct vm *vm, enum memory_kept what, bool done);
/* vm_memory_driver.set_limit and can_limit of VMs that are processes of lodged's: memory.high of a
 * cgroup (memory/vm_cgroup.h), where there is one. @owner: the VM. */
void lodged_memory_limit(void *owner, uint64_t limit_bytes);
bool lodged_memory_can_limit(void *owner);
/* Its process has just been started: it gets its cgroup, where that can be. */
void lodged_memory_contain(struct vm *vm);
/* It has ended, or lodged ends. */
void lodged_memory_leave(struct vm *vm);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm_cgroup - limits for the processes of a VM, where cgroup2 lets us
 *
 * Each VM has a cgroup of its own in "lodge", below the systemd instance of the user that lodged
 * runs as (which systemd delegates to the user), or below the root for root. Processes are put
 * there when they start: memory that they have by then is counted where they came from
 * (Documentation/admin-guide/cgroup-v2.rst, "Memory Ownership").
 */
#ifndef LODGE_DAEMON_MEMORY_VM_CGROUP_H
#define LODGE_DAEMON_MEMORY_VM_CGROUP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * vm_cgroup_prepare() - the cgroup that those of VMs are made in
 * @root:	as host_memory_read() has it
 * @path:	receives it; cgroups of VMs that have ended are removed from it
 *
 * Return: 0; -EOPNOTSUPP: there is no cgroup2, or not with memory; -EACCES and the like: it is not
 * for us to change.
 */
int vm_cgroup_prepare(const char *root, char *path, size_t capacity);

/* A cgroup for the VM that is process @pid, with the process in it. Those that vm_cgroup_remove()
 * came too early for go. 0 or -errno. */
int vm_cgroup_enter(const char *path, pid_t pid);
/* memory.high, 0: none. -ENOENT: it is in no cgroup of ours. */
int vm_cgroup_limit(const char *path, pid_t pid, uint64_t limit_bytes);
/* 0: it is in one, and can be limited. -ENOENT. */
int vm_cgroup_check(const char *path, pid_t pid);
/* After its processes have ended. */
void vm_cgroup_remove(const char *path, pid_t pid);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reclaim - have the kernel give up the memory that is used least, before anybody needs it
 *
 * By memory.reclaim of cgroup2 (Documentation/admin-guide/cgroup-v2.rst of the kernel; Linux 5.19
 * and later): of the root, which is all the guest has, or where the root has none, of the groups
 * below it in turn.
 */
#ifndef LODGE_DRIVERS_MEMORY_RECLAIM_H
#define LODGE_DRIVERS_MEMORY_RECLAIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * reclaim_way() - how this guest could do it
 * @root:	what is put before "/sys/...": "" but in tests. With "", a guest that has not
 * mounted cgroup2 is looked into all the same, by a mount that nobody sees.
 *
 * Return: "cgroup" the root's file, "cgroups" those below it; "" not at all. Constant.
 */
const char *reclaim_way(const char *root);

/**
 * reclaim_run() - do it; may take seconds, so call it on a thread
 * @bytes:	how much
 * @stop:	becoming true ends it early
 * @by:		set to how, as reclaim_way() says it
 * @reclaimed:	set to what the kernel has reclaimed at least; also with an error
 *
 * Return: 0, also when the kernel found less; -EOPNOTSUPP: there is no way; another negative errno.
 */
int reclaim_run(const char *root, uint64_t bytes, const atomic_bool *stop, const char **by,
		uint64_t *reclaimed);

#endif

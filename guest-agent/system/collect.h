/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * collect - what the guest says of itself, part by part
 *
 * Each function fills its fields of @info, with texts and lists kept in @store. They read /proc,
 * /sys and small files and may block: they run on a thread. What cannot be read stays empty.
 */
#ifndef LODGE_GUEST_SYSTEM_COLLECT_H
#define LODGE_GUEST_SYSTEM_COLLECT_H

#include "guest-agent/system/store.h"

#include <sys/types.h>

/* Those of @parts (enum part), but file systems and agent. */
void collect_parts(unsigned int parts, struct store *store, struct info *info);

void collect_os(struct store *store, struct info *info);
void collect_time(struct store *store, struct info *info);
void collect_users(struct store *store, struct info *info);
void collect_network(struct store *store, struct info *info);
void collect_disks(struct store *store, struct info *info);
void collect_memory(struct store *store, struct info *info);
void collect_load(struct store *store, struct info *info);

/* The same with the files to read, for tests. */
void collect_os_release(struct store *store, const char *path, struct info *info);
void collect_users_from(struct store *store, const char *utmp, struct info *info);
void collect_memory_from(const char *meminfo, struct info *info);
void collect_load_from(const char *loadavg, struct info *info);

#endif

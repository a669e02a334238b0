/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory_ksm - that it was lodged who started the kernel's merging of pages, for the next lodged
 *
 * <runtime>/memory-ksm.json, with the boot of the host that it is of: what somebody else has
 * started after the next boot is not taken for ours.
 */
#ifndef LODGE_DAEMON_MEMORY_KSM_FILE_H
#define LODGE_DAEMON_MEMORY_KSM_FILE_H

#include "host/daemon/memory/ksm.h"

/* @root: of the host, as ksm_saved() has it. Not driven: nothing is kept. 0 or -errno. */
int memory_ksm_keep(const char *runtime, const char *root, const struct ksm_kept *kept);
/* What was kept of this boot; all 0 for nothing. */
void memory_ksm_read(const char *runtime, const char *root, struct ksm_kept *kept);

#endif

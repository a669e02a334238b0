/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory_figures - how much memory this guest has, uses, and could do without
 *
 * From /proc/meminfo, /proc/vmstat and /proc/pressure/memory (proc(5), and the kernel's
 * Documentation/accounting/psi.rst).
 */
#ifndef LODGE_GUEST_SYSTEM_MEMORY_FIGURES_H
#define LODGE_GUEST_SYSTEM_MEMORY_FIGURES_H

#include "protocol/message.h"

/**
 * memory_figures_read() - the figures of now
 * @root:	what is put before "/proc/...": "" but in tests
 * @report:	set: all but period_ms, cause, trigger and reclaim, which are left 0
 *
 * What the kernel does not tell stays 0: without PSI, pressure is false.
 *
 * Return: 0; negative errno when /proc/meminfo cannot be read.
 */
int memory_figures_read(const char *root, struct guest_memory_report *report);

#endif

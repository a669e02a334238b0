/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host_figures - what the kernel says of the host, and of a process */
#ifndef LODGE_DAEMON_HOST_FIGURES_H
#define LODGE_DAEMON_HOST_FIGURES_H

#include "host/statistics/figures.h"

#include <sys/types.h>

/* @proc: "/proc", or a folder like it. What cannot be read is left out. */
void host_figures_read(const char *proc, struct figures *figures);

/* Processor time that a process used, in nanoseconds; 0: there is no such process. */
uint64_t host_figures_cpu_time(const char *proc, pid_t pid);

#endif

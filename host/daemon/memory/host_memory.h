/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host_memory - the host's figures, from /proc and /sys
 */
#ifndef LODGE_DAEMON_MEMORY_HOST_MEMORY_H
#define LODGE_DAEMON_MEMORY_HOST_MEMORY_H

#include "host/daemon/memory/manager.h"

/**
 * host_memory_read() - MemTotal, MemAvailable, swap in use, what KSM saves
 * @root:	a folder that has "proc" and "sys" in it; "" is this host
 *
 * KSM counts as ksm_saved() has it.
 *
 * Return: 0; -errno, with @host left alone: meminfo cannot be read, or makes no sense (-EBADMSG).
 */
int host_memory_read(const char *root, struct host_memory *host);

/**
 * host_memory_open_pressure() - a descriptor that gets POLLPRI when the host stalls
 *
 * A trigger on /proc/pressure/memory (Documentation/accounting/psi.rst): 100 ms of stall in a
 * second, or 200 ms in two where only that is allowed.
 *
 * Return: the descriptor; -errno: there is no such file, or no trigger is allowed here.
 */
int host_memory_open_pressure(const char *root);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smp - other CPUs, started by INIT and SIPI, that do what the first one asks
 */
#ifndef BARE_SMP_H
#define BARE_SMP_H

#include <stdbool.h>
#include <stdint.h>

/* Starts CPU @index of the MADT (not the first). False if it does not come up within 3 s. */
bool smp_start(unsigned index);
/* Has CPU @index run @function(@argument); it returns at once. The CPU has to be started. */
void smp_run(unsigned index, void (*function)(void *), void *argument);
/* Waits until it has. */
bool smp_wait(unsigned index, uint64_t ms);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pressure - have the kernel say when this guest waits for memory
 *
 * A trigger of PSI (Documentation/accounting/psi.rst of the kernel): a number of microseconds of
 * stall within a window, written to /proc/pressure/memory; the file is then marked (POLLPRI) at
 * most once a window while that is so. Nothing runs in the kernel while nothing stalls.
 */
#ifndef LODGE_DRIVERS_MEMORY_PRESSURE_H
#define LODGE_DRIVERS_MEMORY_PRESSURE_H

#include <uv.h>

struct pressure_trigger;

/**
 * pressure_trigger_new() - listen
 * @root:	what is put before "/proc/pressure/memory": "" but in tests
 * @stall_us:	of some task's waiting, in 1 s; where the kernel reserves such short windows for the
 *		privileged: twice as much, in 2 s
 * @hit:	called from the loop
 *
 * Return: 0; -ENOENT, -EOPNOTSUPP: a kernel without PSI; another negative errno.
 */
int pressure_trigger_new(uv_loop_t *loop, const char *root, unsigned int stall_us,
			 void (*hit)(void *owner), void *owner, struct pressure_trigger **trigger);

/* Memory goes as the loop runs on. NULL is fine. */
void pressure_trigger_free(struct pressure_trigger *trigger);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * online - memory that the host plugs in is put into use
 *
 * What a virtio memory device gets (virtio 1.2, 5.15) the kernel adds as memory blocks, which few
 * distributions put into use by themselves. Each event of the kernel's about a block has those of
 * such devices looked at, and what is offline of them is put online as movable: as anything else it
 * would hardly ever be given back (Documentation/admin-guide/mm/memory-hotplug.rst). Other blocks
 * are left as their owner has them.
 */
#ifndef LODGE_DRIVERS_MEMORY_ONLINE_H
#define LODGE_DRIVERS_MEMORY_ONLINE_H

#include <stdbool.h>
#include <uv.h>

struct online;

/**
 * online_new() - from now on, and what is there already
 * @root:	what is put before "/proc/..." and "/sys/...": "" but in tests; outlives it
 *
 * Return: 0; -ENOMEM; or why the kernel's events cannot be had.
 */
int online_new(uv_loop_t *loop, const char *root, struct online **online);
/* Memory goes as the loop runs on. NULL is fine. */
void online_free(struct online *online);

/* Has the machine a virtio memory device whose driver is there? */
bool online_has_device(const char *root);

/* Once. Return: how many blocks were put online; or why the last one that was not, was not. */
int online_blocks(const char *root);

#endif

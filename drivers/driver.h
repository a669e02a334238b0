/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver - the userspace half of a device in the guest
 *
 * The kernel's driver moves the bytes; what it leaves to be decided is decided here. A driver runs
 * on the loop of lodge-agent, as root, and never blocks for long. What it is told by the host and
 * what it tells are messages of the protocol, as their encoded maps.
 */
#ifndef LODGE_DRIVERS_DRIVER_H
#define LODGE_DRIVERS_DRIVER_H

#include "protocol/cbor.h"

#include <stdbool.h>
#include <uv.h>

/* What a driver may use while it runs. */
struct driver_context {
	uv_loop_t *loop;
	/* What `report` says has changed. From the loop, never from within a call. */
	void (*changed)(void *owner);
	void (*urgent)(void *owner); /* the same, and it cannot wait; of drivers that say so */
	void *owner;
	const char *root; /* what is put before paths of /proc and /sys: "" but in tests */
};

struct driver {
	const char *name;
	/* Is there a device of this kind now? One may come later: `start` does not depend on it. */
	bool (*probe)(void);
	/* Listen to the kernel. @context outlives the driver. 0 and *state, or negative errno. */
	int (*start)(const struct driver_context *context, void **state);
	/* Memory goes as the loop runs on. */
	void (*stop)(void *state);
	/* The host wants something. Return: 0, or negative errno and *text, constant words why. */
	int (*handle)(void *state, struct slice name, struct slice params, const char **text);
	/* How things are, as the map of the driver's own message. 0 or negative errno. */
	int (*report)(void *state, struct cbor_writer *writer);
};

extern const struct driver driver_display, driver_memory;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice - this guest as a SPICE client sees it
 *
 * In a guest of QEMU with SPICE the port com.redhat.spice.0 leads to the user's viewer, such as
 * virt-viewer. What it says is put to this program's own services: monitors to "display", copies
 * and pastes to "clipboard", files to "files". Its mouse, which QEMU gives to the agent alone,
 * becomes a device of the guest's. Sounds and all else is let pass.
 */
#ifndef LODGE_AGENT_SPICE_H
#define LODGE_AGENT_SPICE_H

#include "guest-agent/agent/agent.h"

/* Where it is, the port is that program's. */
#define SPICE_STOCK_DAEMON "/usr/sbin/spice-vdagentd"

struct spice;

/**
 * spice_new() - look for the port, and serve it
 * @path:	NULL: find the virtio port; else as in port.h
 *
 * Without a port nothing happens. Return: 0 or negative errno.
 */
int spice_new(uv_loop_t *loop, struct agent *agent, const char *path, struct spice **spice);

/* Before agent_free(). Memory goes as the loop runs on. NULL is fine. */
void spice_free(struct spice *spice);

#endif

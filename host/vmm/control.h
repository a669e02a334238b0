/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control - the machine's control socket
 *
 * Speaks the frames of protocol/README.md, as the guest end of a session: "vm.info", "vm.pause",
 * "vm.resume", "vm.power-button", "vm.reset", "vm.stop", "vm.counters", and those of
 * memory_control.h; and tells every client of each change by the event "vm.state". All in the main
 * thread. Who may connect is a matter of the socket's folder and mode; clients are still not
 * believed.
 */
#ifndef LODGE_VMM_CONTROL_H
#define LODGE_VMM_CONTROL_H

#include "host/vmm/machine.h"

struct control;

/**
 * control_new() - listen on options->control
 * @control:	set on success: NULL if the options name none
 *
 * Return: 0; negative errno after a line about it.
 */
int control_new(struct machine *machine, const struct options *options, struct control **control);

/* Tells clients what they were not told yet, if they take it at once. NULL is fine. */
void control_free(struct control *control);

#endif

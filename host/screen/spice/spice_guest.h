/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_guest - a guest that has the stock spice-vdagent and not our agent
 *
 * Where lodge-vmm has a port com.redhat.spice.0, what is behind it is spoken with as a SPICE client
 * does, and looks to the rest of lodge-screen as our agent does: a session that answers
 * "display.attach", "clipboard.*" and "files.receive" (protocol/display.h). The guest may be
 * hostile: what it says is bounded, and its requests are for nothing but what it was shown.
 */
#ifndef LODGE_SCREEN_SPICE_GUEST_H
#define LODGE_SCREEN_SPICE_GUEST_H

#include <uv.h>

struct spice_guest;

/* @fd: the host's end of the port, a stream socket; becomes the spice_guest's, also on failure.
 * Return: 0 or negative errno. */
int spice_guest_new(uv_loop_t *loop, int fd, struct spice_guest **spice);

/* A session with it, in place of the last one: a connected socket, the caller's, for
 * guest_attach(). Negative errno; -ENOTCONN: the port has ended. */
int spice_guest_session(struct spice_guest *spice);

/* Memory goes as the loop runs on. NULL is fine. */
void spice_guest_free(struct spice_guest *spice);

#endif

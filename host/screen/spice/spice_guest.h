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

/**
 * spice_guest_new() - begin to speak with it
 * @fd:		the host's end of the port, a stream socket; becomes the spice_guest's, even if
 *		this fails
 * @ended:	the port has ended; or what came over it was no such dialect, or stopped within a
 *		message, and it was closed: the guest's daemon begins anew when it is opened again,
 *		and there is no other place in the stream that can be trusted. May free
 *
 * Return: 0 or negative errno.
 */
int spice_guest_new(uv_loop_t *loop, int fd, void (*ended)(void *owner), void *owner,
		    struct spice_guest **spice);
/* So long a message may stop in its middle. A daemon that is started again leaves one so. */
#define SPICE_GUEST_STALL_MS 10000

/* A session with it, in place of the last one: a connected socket, the caller's, for
 * guest_attach(). Negative errno; -ENOTCONN: the port has ended. */
int spice_guest_session(struct spice_guest *spice);

/* Memory goes as the loop runs on. NULL is fine. */
void spice_guest_free(struct spice_guest *spice);

#endif

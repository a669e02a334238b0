/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doors - where viewers come in: listeners and connections, each with its conditions
 *
 * A door is a listening socket that was made at the start or handed over, by an id if it is to be
 * closed again. Certificates and noVNC's files are read before the sandbox; a certificate that
 * nobody has given is made when the first door asks for one.
 */
#ifndef LODGE_SCREEN_DOORS_H
#define LODGE_SCREEN_DOORS_H

#include "host/screen/handoff.h"
#include "host/screen/screen.h"

#define DOORS_MAX 16

struct doors;

struct doors_options {
	const char *name;	       /* of the VM, for a certificate */
	const char *certificate, *key; /* paths; NULL: none */
	const char *novnc;	       /* folder */
};

/* Reads files. 0; negative errno after a line about it (noVNC may be missing). */
int doors_new(struct screen *screen, const struct doors_options *options, struct doors **doors);
/* A listening socket for VNC, without conditions. @fd: becomes the doors', also on failure. */
int doors_listen(struct doors *doors, int fd);
/* A packet of a viewer's or listener's kind, or "close". As handoff_take (handoff_socket.h). */
int doors_take(struct doors *doors, const struct handoff *handoff, int fd, const char **why);
/* Nobody comes in any more; before the screen goes. NULL is fine. */
void doors_close(struct doors *doors);
/* After the screen: viewers use what is here. NULL is fine. */
void doors_free(struct doors *doors);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* handoff_socket - takes the packets of handoff.h and answers them */
#ifndef LODGE_SCREEN_HANDOFF_SOCKET_H
#define LODGE_SCREEN_HANDOFF_SOCKET_H

#include "host/screen/handoff.h"

#include <uv.h>

#define HANDOFF_MAX_CLIENTS 8

struct handoff_socket;

/* HANDOFF_WATCH does not come here. @fd: yours, also on failure; negative with HANDOFF_CLOSE. @why:
 * for the answer; what it points to must be constant, else the words of the errno are taken.
 * Return: 0 or negative errno. */
typedef int handoff_take(void *owner, const struct handoff *handoff, int fd, const char **why);

/* @fd: listening SEQPACKET socket; becomes the handoff's, also on failure. 0 or negative errno. */
int handoff_socket_new(uv_loop_t *loop, int fd, handoff_take *take, void *owner,
		       struct handoff_socket **handoff);
/* What those who watch are told, copied; at most HANDOFF_MAX_ANSWER bytes. NULL @handoff is fine.
 */
void handoff_socket_tell(struct handoff_socket *handoff, const char *text);
/* NULL is fine. */
void handoff_socket_free(struct handoff_socket *handoff);

#endif

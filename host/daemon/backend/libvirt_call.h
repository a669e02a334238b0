/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt_call - calls of libvirt's API, which block, each in a thread of its own
 *
 * A daemon that hangs holds up the threads that ask it, and nobody else: who waits is answered
 * after a limit, whatever becomes of the thread. Keepalive on the connection ends such a call in
 * the end; until then there are at most LIBVIRT_CALLS_MAX of them.
 */
#ifndef LODGE_DAEMON_LIBVIRT_CALL_H
#define LODGE_DAEMON_LIBVIRT_CALL_H

#include "host/daemon/backend/loop_queue.h"

#include <stdbool.h>
#include <uv.h>

#define LIBVIRT_CALLS_MAX 32

struct libvirt_calls;

/* Part of something bigger. */
struct libvirt_call {
	/* In the thread. Sets error and text if it fails, and touches nothing but this call. */
	void (*run)(struct libvirt_call *call);
	/* On the loop, once: with what `run` has set, or with -ETIMEDOUT while `run` goes on. */
	void (*done)(struct libvirt_call *call, int error, const char *text);
	/* On the loop, once, at last: frees the call, and what it has got if nobody took it. */
	void (*release)(struct libvirt_call *call);
	int error;
	char text[1024];

	/* libvirt_call's own. */
	struct libvirt_calls *calls;
	struct loop_item item;
	uv_timer_t *limit;
	bool answered;
};

/* Does not keep @loop alive. NULL without memory. */
struct libvirt_calls *libvirt_calls_new(uv_loop_t *loop);
/* Calls that run are answered with -ECANCELED now. NULL is fine. */
void libvirt_calls_free(struct libvirt_calls *calls);

/**
 * libvirt_call_start() - run one
 * @limit_ms:	after which whoever waits is answered; 0: none
 *
 * If it cannot be run, it is answered and released at once.
 */
void libvirt_call_start(struct libvirt_calls *calls, struct libvirt_call *call, uint64_t limit_ms);

#endif

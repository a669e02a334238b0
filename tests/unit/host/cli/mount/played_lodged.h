/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * played_lodged - a lodged with one VM, "one", and the agent of that VM, as a process of its own
 *
 * It answers on $LODGE_RUNTIME_DIR/lodged.sock, a folder that is made for it. The agent speaks the
 * protocol on each descriptor that OpenAgent gives, and does nothing but refuse.
 */
#ifndef LODGE_TESTS_PLAYED_LODGED_H
#define LODGE_TESTS_PLAYED_LODGED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

enum played_manner {
	PLAYED_WELL,
	PLAYED_GONE,	  /* there is no such VM */
	PLAYED_WITHOUT,	  /* no agent can be had */
	PLAYED_SHARELESS, /* the agent cannot share */
};

/* Shared between both processes. */
struct played_lodged {
	atomic_int manner;    /* enum played_manner, from now on */
	atomic_int refuse;    /* what the agent answers to share.export: an errno; 0: nothing */
	atomic_uint asked;    /* calls of GetVM */
	atomic_uint opened;   /* descriptors given */
	atomic_uint exports;  /* share.export that have come */
	atomic_uint hang_ups; /* set higher: the agents hang up */
	pid_t pid;
	char folder[64];
};

struct played_lodged *played_lodged_start(void);
void played_lodged_stop(struct played_lodged *played);

#endif

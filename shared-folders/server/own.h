/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * own - what the server did itself a moment ago, for its peer
 *
 * So that the events of it are not taken for somebody else's: files by node, names by folder and
 * name. A short memory of fixed size: what fell out of it counts as somebody else's, and costs the
 * peer a look. From any thread, without lock; the clock is passed in.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_OWN_H
#define LODGE_SHARED_FOLDERS_SERVER_OWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define OWN_PLACES  4096
#define OWN_KEEP_MS 1000

struct own {
	_Atomic(uint64_t) what[OWN_PLACES];
	_Atomic(uint64_t) until_ms[OWN_PLACES];
};

/* It is about to do, or has just done, something to @node, or to @name in it (else NULL). */
void own_did(struct own *own, uint64_t node, const char *name, uint64_t now_ms);

/* Return: whether it did so in the last OWN_KEEP_MS. */
bool own_has(const struct own *own, uint64_t node, const char *name, uint64_t now_ms);

#endif

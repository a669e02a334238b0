/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * snapshot - the figures of a moment, as lodged tells them to lodge-web
 *
 * A sequence of CBOR maps: the host's, then one a VM. What a reader does not know it skips.
 */
#ifndef LODGE_STATISTICS_SNAPSHOT_H
#define LODGE_STATISTICS_SNAPSHOT_H

#include "host/statistics/figures.h"
#include "protocol/cbor.h"

/* Of one map. */
#define SNAPSHOT_ITEM_SIZE 4096
/* Of all of them: what a reader takes. */
#define SNAPSHOT_MAX_BYTES (4U << 20)
/* Of each of the texts. */
#define SNAPSHOT_MAX_TEXT 512

struct snapshot_host {
	uint64_t realtime_ms; /* of the wall clock, since 1970 */
	struct figures figures;
};

struct snapshot_vm {
	struct slice id;   /* unlike any other's: "vm/NAME" */
	struct slice name; /* for people and for lodge; untrusted UTF-8 */
	struct slice state, backend;
	struct slice screen; /* "off", "starting", "ready" */
	struct figures figures;
};

/* An item, in @bytes. */
struct slice snapshot_put_host(const struct snapshot_host *host, uint8_t bytes[SNAPSHOT_ITEM_SIZE]);
struct slice snapshot_put_vm(const struct snapshot_vm *vm, uint8_t bytes[SNAPSHOT_ITEM_SIZE]);

/* Reads one item. Texts lie within the reader's bytes. 0 or -EBADMSG. */
int snapshot_get_host(struct cbor_reader *reader, struct snapshot_host *host);
/* 1; 0: there is no further one; -EBADMSG. */
int snapshot_get_vm(struct cbor_reader *reader, struct snapshot_vm *vm);

#endif

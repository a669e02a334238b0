/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * counters - what the machine has used and moved so far: the answer to "vm.counters"
 * (protocol/message.h)
 */
#ifndef LODGE_VMM_COUNTERS_H
#define LODGE_VMM_COUNTERS_H

#include "host/vmm/vm.h"
#include "protocol/cbor.h"

#define COUNTERS_SIZE 512

/* The encoded map, in @bytes. In the main thread. */
struct slice counters_describe(const struct vm *vm, uint8_t bytes[COUNTERS_SIZE]);

#endif

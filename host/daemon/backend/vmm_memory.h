/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmm_memory - the memory of VMs under lodge-vmm, over their control sockets
 *
 * The balloon's state and statistics come from vm.memory, asked for by `observe` and told by the
 * event after each change; targets go by vm.balloon, and before it by vm.plug where the machine's
 * memory can grow (vmm_plug.h).
 */
#ifndef LODGE_DAEMON_VMM_MEMORY_H
#define LODGE_DAEMON_VMM_MEMORY_H

#include "host/daemon/backend/vmm_plug.h"
#include "host/daemon/memory/vm_memory.h"
#include "protocol/session.h"

struct vm;

extern const struct vm_memory_driver vmm_memory_driver;

/* An event "vm.memory": from the VMM, checked here. */
void vmm_memory_told(struct vm *vm, struct slice params);

/* vmm.c: what of its memory is plugged in; NULL: it has no VMM. */
struct vmm_plug *vmm_plug_of(struct vm *vm);

/* vmm.c: a request to the VMM of @vm, as session_request(); -ENOTCONN: it is not there. Streams
 * are closed before @vm goes. */
int vmm_request(struct vm *vm, const char *method, struct slice params,
		const struct stream_handlers *handlers);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmm_plug - how much of a machine's memory is to be plugged in
 *
 * To the manager a VM has one size. Above what the machine started with, memory has to be plugged
 * in before the balloon can leave it to the guest; to take it back is the balloon's, which is quick
 * and sure. What has not been needed for a while is plugged out, so that the guest need not keep
 * its own books of it; meanwhile the balloon lets go of as much.
 *
 * Pure: no I/O, no clock.
 */
#ifndef LODGE_DAEMON_VMM_PLUG_H
#define LODGE_DAEMON_VMM_PLUG_H

#include "protocol/message.h"

/* So much beyond the target, for so long, is plugged out. */
#define VMM_PLUG_SPARE_BYTES (UINT64_C(128) << 20)
#define VMM_PLUG_SPARE_MS    300000
#define VMM_PLUG_REFUSED_MS  30000

struct vmm_plug {
	uint64_t target_bytes;	 /* that the VM is to have; 0: nobody has said */
	struct vm_memory last;	 /* as the VMM told it */
	uint64_t spare_since_ms; /* 0: it has no more than it needs */
	uint64_t refused_ms;	 /* the host could not; 0: it never was so */
};

/* What the VMM has told. */
void vmm_plug_told(struct vmm_plug *plug, const struct vm_memory *memory, uint64_t now_ms);

/* What vm.plug is to be told. Return: 0: nothing. */
uint64_t vmm_plug_wish(const struct vmm_plug *plug, uint64_t now_ms);

/* vm.plug was told so much; and was refused, so that it is left alone for a while. */
void vmm_plug_asked(struct vmm_plug *plug, uint64_t bytes);
void vmm_plug_refused(struct vmm_plug *plug, uint64_t now_ms);

#endif

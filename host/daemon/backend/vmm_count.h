/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vmm_count - figures of a VM, as its lodge-vmm tells them */
#ifndef LODGE_DAEMON_VMM_COUNT_H
#define LODGE_DAEMON_VMM_COUNT_H

#include "host/daemon/vm.h"
#include "protocol/session.h"

struct statistics_round;

/* Asks over the control connection; @round is held until it has answered. @session does not outlive
 * the VM. */
void vmm_count(struct vm *vm, struct session *session, struct statistics_round *round);

#endif

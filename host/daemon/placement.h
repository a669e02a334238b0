/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * placement - which accelerator and which backend a VM gets on this host
 */
#ifndef LODGE_DAEMON_PLACEMENT_H
#define LODGE_DAEMON_PLACEMENT_H

#include "host/daemon/backend.h"
#include "host/probe/probe.h"

/**
 * placement_decide() - settle what was left open
 * @options:	completed; accel and backend become what they are to be
 * @probe:	what the host offers
 * @backend:	set on success
 * @error:	receives one line for people on failure
 *
 * "auto" is KVM where it can run stock kernels, else TCG. Asked for, KVM is also tried where
 * kvm_pvm stands behind it: small kernels run there.
 *
 * Return: 0; -ENODEV if the host cannot; -EINVAL if nobody could; -ENOMEM.
 */
int placement_decide(struct vm_options *options, const struct probe *probe,
		     const struct backend **backend, char *error, size_t capacity);

#endif

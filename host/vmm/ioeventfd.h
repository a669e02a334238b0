/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ioeventfd - a guest's write to an address becomes a signal on an eventfd, without leaving KVM
 *
 * It only shortens the way: where it is not set up, the same write reaches the device by the
 * io_bus, and the device signals the eventfd itself.
 */
#ifndef LODGE_VMM_IOEVENTFD_H
#define LODGE_VMM_IOEVENTFD_H

#include <stdint.h>

struct kvm;

/**
 * ioeventfd_add() - signal @fd on any write that starts at @gpa, of any size and value
 * @kvm:	the VM; NULL where there is none (unit tests)
 * @gpa:	guest-physical address, memory-mapped I/O
 * @fd:		eventfd; stays the caller's
 *
 * Return: 0; -ENOSYS without a VM; or KVM's negative errno (-EEXIST, -ENOSPC).
 */
int ioeventfd_add(struct kvm *kvm, uint64_t gpa, int fd);

/* Undo it with the same arguments; fine if it was not there. */
void ioeventfd_remove(struct kvm *kvm, uint64_t gpa, int fd);

#endif

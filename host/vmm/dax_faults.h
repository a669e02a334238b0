/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dax_faults - accesses to DAX windows that failed, the guest's and ours
 *
 * A guest's access ends KVM_RUN with EFAULT, and does not say where; or it waits there, and only
 * looking at the files from time to time finds it; or KVM, where it carries out
 * the instruction itself, takes it for one to a device, and the BAR does it
 * (virtio/pci_transport.c). An access of the VMM's own, that one or when a device reads what the
 * guest says is a buffer, is SIGBUS, or SIGSEGV where it may not write; a signal's handler has no
 * owner, so this file has the one list of windows that it looks at.
 */
#ifndef LODGE_VMM_DAX_FAULTS_H
#define LODGE_VMM_DAX_FAULTS_H

#include "host/vmm/dax_window.h"

/**
 * dax_faults_watch() - repair what fails in @window from now on
 * @timer_fd:	set to a timer's descriptor that is readable when dax_faults_retry() is due; it goes
 *		with dax_faults_forget()
 *
 * Before threads are started. Return: 0 or negative errno.
 */
int dax_faults_watch(struct dax_window *window, int *timer_fd);

/* After threads have ended. Fine if it was not watched. */
void dax_faults_forget(struct dax_window *window);

/* The timer of @window is readable. */
void dax_faults_retry(struct dax_window *window);

/* Something was mapped in @window: look at it from now on. */
void dax_faults_look(struct dax_window *window);

/* Whether there is any window. */
bool dax_faults_watched(void);

/* The guest's access failed somewhere. Return: whether something was repaired. Any thread. */
bool dax_faults_repair(void);

#endif

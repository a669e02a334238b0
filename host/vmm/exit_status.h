/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * exit_status - how lodge-vmm ends, as documented in lodge-vmm(1)
 */
#ifndef LODGE_VMM_EXIT_STATUS_H
#define LODGE_VMM_EXIT_STATUS_H

enum exit_status {
	EXIT_STATUS_OFF = 0,	      /* the guest powered off, or was stopped by SIGTERM */
	EXIT_STATUS_FAILED = 1,	      /* anything that has no number of its own */
	EXIT_STATUS_USAGE = 2,	      /* the command line is wrong */
	EXIT_STATUS_KVM = 3,	      /* no KVM, or no permission, or it lacks what we need */
	EXIT_STATUS_KERNEL = 4,	      /* kernel or initrd: missing, or none, or broken */
	EXIT_STATUS_MEMORY = 5,	      /* guest memory is not to be had */
	EXIT_STATUS_DISK = 6,	      /* a disk is missing, forbidden, or in use */
	EXIT_STATUS_PANIC = 7,	      /* the guest panicked (--on-panic stop) */
	EXIT_STATUS_TRIPLE_FAULT = 8, /* --on-triple-fault stop */
	EXIT_STATUS_REBOOT = 9,	      /* --on-reboot stop */
	EXIT_STATUS_KILLED = 10,      /* "vm.stop" on the control socket */
};

#endif

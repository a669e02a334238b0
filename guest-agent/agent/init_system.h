/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * init_system - how to ask the guest's process 1 for power-off, reboot or halt
 *
 * systemd(1) and busybox's init take signals. Others are asked by the command of that name. Where
 * there is none, or process 1 is a mere script, the disks are synced and the kernel does it
 * (reboot(2)).
 */
#ifndef LODGE_AGENT_INIT_SYSTEM_H
#define LODGE_AGENT_INIT_SYSTEM_H

enum power_action {
	POWER_OFF,
	POWER_REBOOT,
	POWER_HALT,
};

enum init_system {
	INIT_SYSTEMD,
	INIT_BUSYBOX,
	INIT_SHELL, /* a script: it would not listen */
	INIT_OTHER,
};

/**
 * init_system_detect() - what runs as process 1
 * @root:	"" or a directory that holds /run and /proc, for tests
 */
enum init_system init_system_detect(const char *root);

/* The signal to send to process 1; 0: this one takes none. */
int init_system_signal(enum init_system system, enum power_action action);

/* Do it; returns only on failure or while the request is on its way. Return: 0 or negative errno.
 */
int init_system_power(enum power_action action);

#endif

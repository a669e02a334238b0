/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * machine - the life of a VM: made, started, paused, restarted, ended
 *
 * Everything is decided in the main thread. What vCPU threads find out (the guest powered off,
 * rebooted, panicked, triple-faulted) parks the processors at once and is passed on as an event.
 */
#ifndef LODGE_VMM_MACHINE_H
#define LODGE_VMM_MACHINE_H

#include "host/vmm/exit_status.h"
#include "host/vmm/vm.h"

struct machine;

enum machine_state {
	MACHINE_RUNNING,
	MACHINE_PAUSED,
	MACHINE_STOPPING, /* the power button was pressed for it */
	MACHINE_STOPPED,
};

/* Who wants to know of each change of state. @reason: of MACHINE_STOPPED, else "". */
typedef void (*machine_watcher)(void *owner, enum machine_state state, const char *reason);

/**
 * machine_new() - open and make everything; nothing runs yet
 * @options:	must live as long as the machine
 * @machine:	set on success; freed by machine_free()
 *
 * Return: EXIT_STATUS_OFF, or another exit status after a line about what failed.
 */
enum exit_status machine_new(const struct options *options, struct machine **machine);

/* What parts of it need, and the sockets that somebody has to unlink. */
struct vm *machine_vm(struct machine *machine);

/* Start threads and let the guest run. Call it in the sandbox. Return: as machine_new(). */
enum exit_status machine_start(struct machine *machine);

/* Serve until the machine has stopped. Return: how it ended. */
enum exit_status machine_run(struct machine *machine);

/* NULL is fine. */
void machine_free(struct machine *machine);

void machine_watch(struct machine *machine, machine_watcher watcher, void *owner);

/* --- Requests, in the main thread ---------------------------------------------------------------
 */

/* 0; -EINVAL where the state does not allow it. */
int machine_pause(struct machine *machine);
int machine_resume(struct machine *machine);

/* What a person does at the case. The guest decides what it means. */
int machine_press_power_button(struct machine *machine);
int machine_reset(struct machine *machine);

/* Ask the guest to power off; if it has not after a grace, or at a second call, stop it. */
void machine_shut_down(struct machine *machine);

/* Pull the plug: EXIT_STATUS_KILLED. */
void machine_kill(struct machine *machine);

enum machine_state machine_state(const struct machine *machine);
const char *machine_state_name(enum machine_state state);
unsigned int machine_restarts(const struct machine *machine);
/* "bzImage" or "PVH" */
const char *machine_boot_kind(const struct machine *machine);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm - one virtual machine as lodged knows it
 *
 * A backend runs it (lodge-vmm, or QEMU under libvirt); lodged holds its agent's connection and
 * its console, and a folder <runtime>/vm/NAME with their sockets. A VM outlives lodged: the next
 * lodged finds the folder and takes it up again.
 */
#ifndef LODGE_DAEMON_VM_H
#define LODGE_DAEMON_VM_H

#include "host/daemon/options.h"
#include "host/statistics/figures.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#define VM_NAME_MAX 48
/* Of a VM that Lodge did not start. */
#define VM_FOREIGN_NAME_MAX 255

struct lodged;
struct backend;
struct agent_link;
struct console;
struct vm_screen;
struct vm_shares;
struct memory_member;

enum vm_status {
	VM_STARTING,
	VM_RUNNING,
	VM_PAUSED,
	VM_STOPPING,
	VM_STOPPED,
};

/* Somebody waits for something; called once, then forgotten. */
struct vm_waiter {
	struct vm_waiter *next;
	void (*done)(struct vm_waiter *waiter);
};

struct vm {
	struct lodged *lodged;
	struct vm *next;
	char name[VM_FOREIGN_NAME_MAX + 1];
	char *id;	    /* "vm/NAME": unlike any other's; of its folder and its object */
	char *path;	    /* its folder; of one that Lodge did not start, once it is needed */
	const char *source; /* which libvirt it is of, if Lodge did not start it; else NULL */
	struct vm_options options;
	const struct backend *backend;
	void *machine; /* the backend's */
	enum vm_status state;
	char reason[32]; /* why it stopped */
	int exit_status; /* of lodge-vmm's documented list */
	pid_t pid;
	int64_t started_ns; /* CLOCK_REALTIME */
	struct agent_link *agent;
	struct console *console;
	struct figures figures;		  /* as they were when somebody last asked: statistics.h */
	struct vm_screen *screen;	  /* NULL: it has no display */
	struct vm_shares *shares;	  /* NULL: it has ended */
	struct memory_member *memory;	  /* NULL: nothing is known of its memory */
	bool memory_watched;		  /* its agent tells of it */
	bool memory_online;		  /* its agent puts plugged memory into use */
	struct vm_waiter *memory_waiters; /* go when there is memory to start it, or the VM gone */
	struct vm_waiter *stop_waiters;
	struct vm_waiter *agent_waiters;  /* go when the agent is there, or the VM gone */
	struct vm_waiter *screen_waiters; /* go when its lodge-screen is there, or the VM gone */
	uv_timer_t *lingering;		  /* stopped, and listed a little longer */
	uv_timer_t *stopping;		  /* it was asked to power off */
};

const char *vm_state_text(enum vm_status state);

/* --- Names (vm_names.c) ----------------------------------------------------------------------- */

/* true: 1 to VM_NAME_MAX letters, digits, '-', '_' and '.', not beginning with '.' or '-'. */
bool vm_name_is_valid(const char *name);

/* The VM of that name that Lodge started; NULL. */
struct vm *vm_find(struct lodged *lodged, const char *name);

/**
 * vm_look_up() - the VM that a person means
 * @words:	the name of one that Lodge started, or of one that it did not if no other is called
 *		so; "SOURCE/NAME" or "libvirt:NAME" is always one of the latter
 *
 * Return: 0 with @vm; -ENOENT; -ENOTUNIQ: two are called so.
 */
int vm_look_up(struct lodged *lodged, const char *words, struct vm **vm);

/* What vm_look_up() finds it by, as short as can be. @label of VM_LABEL_MAX bytes; returns it. */
#define VM_LABEL_MAX 512
const char *vm_label(const struct vm *vm, char label[VM_LABEL_MAX]);

/* --- Life ------------------------------------------------------------------------------------- */

/* A path in the VM's folder; in @path of @capacity bytes. -ENAMETOOLONG. */
int vm_file(const struct vm *vm, const char *file, char *path, size_t capacity);

/**
 * vm_new() - a VM in the list, in state starting, with an empty folder
 *
 * Return: 0; -EEXIST if the name is taken; -ENAMETOOLONG if its sockets' paths would be too long;
 * -errno.
 */
int vm_new(struct lodged *lodged, const char *name, const struct backend *backend,
	   struct vm_options *options, struct vm **vm);

/**
 * vm_new_foreign() - one that runs already, and that Lodge did not start
 * @id:		as struct vm has it
 * @source:	stays the caller's, and longer than the VM
 *
 * Its options, state, backend and machine are the caller's to set before vm_list(). Nothing is
 * connected to, and no folder made.
 *
 * Return: NULL without memory.
 */
struct vm *vm_new_foreign(struct lodged *lodged, const char *id, const char *name,
			  const char *source);
/* One of Lodge's own, as empty. NULL without memory. */
struct vm *vm_allocate_own(struct lodged *lodged, const char *name);
/* Frees one that is on no list and has no machine. */
void vm_free_alone(struct vm *vm);
/* Puts it on the list, and tells the world. */
void vm_list(struct vm *vm);
/* true: nobody has asked anything of it yet, so that lodged need not be there for it. */
bool vm_is_unused(const struct vm *vm);
/* Makes the folder of a foreign VM. 0 or -errno. */
int vm_make_folder(const struct vm *vm);
/* Removes one that nobody needs, and ends the processes that were left behind there. */
void vm_clear_folder(const char *path);
/* The agent's link: to @path, or NULL: by the backend's open_agent. Nothing if it is there. */
void vm_connect_agent(struct vm *vm, const char *path);
/* That, and all else of Lodge's own VMs. @adopted: an earlier lodged was connected before. */
void vm_connect_to_guest(struct vm *vm, bool adopted);

/* Calls and forgets everyone on a list. */
void vm_wake(struct vm_waiter **list);
/* Takes one off again; nothing if it is not on the list. */
void vm_stop_waiting(struct vm_waiter **list, struct vm_waiter *waiter);

/* Writes its descriptor: from now on the next lodged will look for it. */
void vm_keep(struct vm *vm);
/* The backend says: it runs. Keeps it, and connects to agent and console. */
void vm_started(struct vm *vm);
/* The backend says: the state changed; the world is told. */
void vm_set_state(struct vm *vm, enum vm_status state, const char *reason);
/* Asks the agent for "off" or "reboot", which it does properly in any guest. -ENOTCONN. */
int vm_ask_agent(struct vm *vm, const char *action);
/* Asks the guest to power off, by its agent or by the power button. A guest that has not in
 * VM_STOP_LIMIT_MS counts as running again; one whose agent comes up before that is asked again,
 * since it may have been too young to hear the button. */
#define VM_STOP_LIMIT_MS 120000
void vm_ask_to_stop(struct vm *vm);
/**
 * vm_gone() - the backend says: it has ended
 *
 * Tells waiters, removes the folder, lets the backend go. @vm is not to be used afterwards: it is
 * freed, now or, when it ended soon after its start, some seconds later, so that whoever started it
 * can still ask why and read its console.
 */
void vm_gone(struct vm *vm, const char *reason, int exit_status);
/* lodged ends and the VM does not: frees @vm, leaves the folder. */
void vm_leave(struct vm *vm);

/* All VMs that an earlier lodged left in the runtime folder. */
void vm_adopt_all(struct lodged *lodged);

#endif

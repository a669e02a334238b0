/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * screen - the lodge-screen of a VM, as lodged sees it
 *
 * Each VM with a display has a process that shows it (host/screen). It is in a session of its own
 * and outlives lodged: the next lodged finds it by handoff.sock in the VM's folder. It is started
 * again, more slowly each time, when it dies and the VM does not, and is ended with the VM. lodged
 * gives it what it cannot open itself: a session with the agent that is limited to the display and
 * the clipboard, listeners for viewers, and the connection to QEMU's display.
 */
#ifndef LODGE_DAEMON_SCREEN_H
#define LODGE_DAEMON_SCREEN_H

#include "host/daemon/screen/handoff_client.h"
#include "host/daemon/screen/viewer_listener.h"
#include "host/daemon/vm.h"

#define SCREEN_MAX_LISTENERS 16
#define SCREEN_HANDOFF	     "handoff.sock"
#define SCREEN_CONTROL	     "screen.sock"
#define SCREEN_VNC	     "vnc.sock"
#define SCREEN_DISPLAY	     "display.sock" /* lodge-vmm listens there */
#define SCREEN_SPICE	     "spice.sock"   /* the guest's port SCREEN_SPICE_PORT, likewise */
#define SCREEN_SPICE_PORT    "com.redhat.spice.0"

struct vm_screen;

/**
 * vm_screen_new() - what a VM with a display has; nothing is started yet
 *
 * Binds what --vnc asks for, unless the VM is taken up again (@adopted): its lodge-screen has it.
 *
 * Return: 0 with vm->screen set, or left NULL for a VM without display; -errno with one line for
 * people in @error.
 */
int vm_screen_new(struct vm *vm, bool adopted, char *error, size_t capacity);
/* The VM runs: finds its lodge-screen or starts it. */
void vm_screen_start(struct vm *vm);
/* lodged ends and the VM does not: the process stays. NULL is fine. */
void vm_screen_leave(struct vm_screen *screen);
/* The VM has ended, and so shall the process. NULL is fine. */
void vm_screen_end(struct vm_screen *screen);
/* Ends a lodge-screen that was left behind in a folder, if there is one. */
void vm_screen_end_orphan(const char *folder);

/* The agent is there, or there again. NULL is fine. */
void vm_screen_agent_changed(struct vm_screen *screen);

/* true: it takes descriptors. NULL: false. */
bool vm_screen_is_ready(const struct vm_screen *screen);

/* true: it will not be ready: there is no lodge-screen on this host. NULL: true. */
bool vm_screen_is_missing(const struct vm_screen *screen);

/* As handoff_client_send(); -ENOTCONN while it is not ready. */
int vm_screen_hand_over(struct vm_screen *screen, const char *text, int fd, handoff_done done,
			void *owner);

/**
 * vm_screen_listen() - a listener for viewers
 * @listener:	as viewer_listener_open() has it, copied; one of the same id is replaced
 * @done:	as handoff_client_send()
 *
 * Return: 0 with the address in @listener; -errno; -EMFILE if there are too many.
 */
int vm_screen_listen(struct vm_screen *screen, const char *address,
		     struct viewer_listener *listener, handoff_done done, void *owner);
/* The listener of that id; NULL: there is none that this lodged made. */
const struct viewer_listener *vm_screen_listener(const struct vm_screen *screen, const char *id);
/* Viewers that are connected stay. -ENOENT. */
int vm_screen_close_listener(struct vm_screen *screen, const char *id, handoff_done done,
			     void *owner);

#endif

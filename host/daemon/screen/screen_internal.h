/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* screen_internal - what the files of a VM's screen share */
#ifndef LODGE_DAEMON_SCREEN_INTERNAL_H
#define LODGE_DAEMON_SCREEN_INTERNAL_H

#include "host/daemon/screen/screen.h"
#include "host/screen/handoff.h"

#define SCREEN_PROGRAM "lodge-screen"
/* Between its death and the next start; doubles until it has lived for SCREEN_CALM_MS. */
#define SCREEN_RESTART_MS 100
#define SCREEN_CALM_MS	  30000

struct screen_child {
	uv_process_t process;
	struct vm_screen *screen; /* NULL: it is on its own now */
};

struct vm_screen {
	struct vm *vm;
	struct listener_plan plan;
	struct viewer_listener *listeners;
	struct screen_child *child; /* NULL: an earlier lodged started it, or nobody */
	struct handoff_client *client;
	uv_timer_t retry; /* connects, or starts it again */
	uint64_t waited_ms, restart_ms, ready_at_ms;
	uv_timer_t again;		/* hands over what could not be had */
	uv_timer_t spice;		/* hands over SPICE's port */
	uint64_t spice_at_ms, spice_ms; /* when it did, 0: not yet; how long it had waited */
	bool spice_sent;		/* the hand-over waits for its answer */
	bool adopted;			/* the first that we connect to is not ours */
	bool started;			/* vm_screen_start() */
	bool missing;			/* there is no such program */
	bool blind;			/* QEMU's display could not be had */
	unsigned int closing;
};

/* screen_process.c */
/* Starts the process: its socket will be there soon. -ENOENT: it is not installed; -errno. */
int screen_spawn(struct vm_screen *screen);
/* @screen does not know its process any more; which goes on, unless it @ends by itself. */
void screen_leave_child(struct vm_screen *screen, bool ends);

/* screen_listeners.c */
/* Binds what --vnc asked for. -errno with one line for people in @error. */
int screen_open_planned(struct vm_screen *screen, char *error, size_t capacity);
/* Gives all listeners to a process that is ready. */
void screen_hand_over_listeners(struct vm_screen *screen);

/* screen_news.c */
/* Asks a process that is ready to tell how it stands. */
void screen_watch(struct vm_screen *screen);
/* What it tells (host/screen/handoff.h): lines, each ended by a newline. */
void screen_take_news(struct vm_screen *screen, const char *lines);

/* screen.c */
/* Connects again, after a while that grows. */
void screen_back_off(struct vm_screen *screen);

#endif

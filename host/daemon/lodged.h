/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodged - the daemon's own state: one loop, the VMs, the D-Bus front
 */
#ifndef LODGE_DAEMON_LODGED_H
#define LODGE_DAEMON_LODGED_H

#include "host/daemon/vm.h"

#include <limits.h>
#include <stdint.h>
#include <uv.h>

struct bus;
struct domains;
struct libvirt_connection;
struct libvirt_events;
struct statistics;
struct lodged_memory;
struct web;

struct lodged {
	uv_loop_t loop;
	char runtime[PATH_MAX]; /* <runtime>, no slash at the end */
	/* Whose /proc and /sys tell of the host's memory: "" is this host. */
	char host_root[PATH_MAX];
	uint64_t memory_total; /* bytes that VMs are to share; 0: as was set */
	struct vm *vms;
	struct bus *bus;
	struct libvirt_events *libvirt_events; /* NULL until libvirt is wanted */
	struct libvirt_connection *libvirt;    /* NULL until a VM under libvirt is there */
	struct domains *domains;	       /* of the host's libvirt; NULL: not looked at */
	struct statistics *statistics;
	struct lodged_memory *memory; /* NULL: the host cannot be looked at */
	struct web *web;
	uv_timer_t idle; /* ends a daemon that nobody needs */
};

/**
 * lodged_start() - make the loop, take up the VMs of an earlier lodged, answer calls
 * @lodged:	runtime is set (and is there, with "vm" in it), host_root and memory_total maybe,
 *		the rest is zero
 *
 * Run @lodged->loop afterwards. Return: 0 or -errno, with a line logged.
 */
int lodged_start(struct lodged *lodged);

/* Ends everything but the VMs. */
void lodged_finish(struct lodged *lodged);

/* Somebody may have come or gone: starts or stops the timer that ends an idle lodged. */
void lodged_check_idle(struct lodged *lodged);

/* libvirt's event loop, begun when it is first wanted. NULL: it cannot be, which was logged. */
struct libvirt_events *lodged_libvirt_events(struct lodged *lodged);

/* Eight random bytes, for epochs and cookies. */
uint64_t random_u64(void);

/* A program of Lodge's, beside this one or in the libexec folder, in @path. -ENOENT. */
int lodged_find_program(const char *name, char *path, size_t capacity);

/* Is there such a process, and is it that program? Process ids are used again. */
bool process_runs(pid_t pid, const char *program);

/* The last line of a program's log, without "PROGRAM: ", in @text; false: there is none, and @text
 * is left alone. */
bool last_words(const char *log, const char *program, char *text, size_t capacity);

/* Removes a folder and what is in it: files, and folders of files (a VM's has no more). */
void remove_folder(const char *path);

/* A connected unix socket, close-on-exec, non-blocking; or -errno. */
int connect_unix(const char *path);

#endif

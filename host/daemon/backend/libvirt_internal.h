/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt_internal - what the files of libvirt's backend share */
#ifndef LODGE_DAEMON_LIBVIRT_INTERNAL_H
#define LODGE_DAEMON_LIBVIRT_INTERNAL_H

#include "host/daemon/backend.h"
#include "host/daemon/backend/libvirt_connection.h"
#include "host/daemon/backend/libvirt_memory.h"

#include <limits.h>
#include <stdbool.h>
#include <uv.h>

#define QEMU "qemu-system-x86_64"

/* vm->machine */
struct libvirt_machine {
	struct vm *vm;			   /* NULL once it was released */
	unsigned int users;		   /* the VM, and jobs */
	char uuid[VIR_UUID_STRING_BUFLEN]; /* "" until it is known */
	bool starting;
	bool stopped; /* it ended while a job was starting it */
	char reason[16];
	struct libvirt_memory memory;
};

/* What is done on a worker thread, since libvirt's calls block. */
struct libvirt_job {
	uv_work_t work;
	void (*run)(struct libvirt_job *job);	/* on a worker thread */
	void (*after)(struct libvirt_job *job); /* on the loop; the machine's VM may be gone */
	struct libvirt_connection *connection;
	struct libvirt_machine *machine;
	backend_done done; /* NULL: nobody asked */
	void *owner;
	char name[VM_FOREIGN_NAME_MAX + 1];
	char uuid[VIR_UUID_STRING_BUFLEN];
	enum backend_command command;
	/* Of a start. */
	char *xml;
	char program[PATH_MAX], socket[PATH_MAX], log[PATH_MAX];
	char **forwards; /* a copy */
	bool network;
	/* Of its memory. */
	bool wants_period; /* false once it is set */
	uint64_t target_bytes;
	struct memory_figures figures;
	/* What came of it. */
	int error;
	char text[1024];
	pid_t pid;
	bool paused;
	int fd; /* of a display */
	void (*opened)(struct vm *vm, int fd, const char *text);
};

/* libvirt.c */
/* NULL without memory. */
struct libvirt_machine *libvirt_machine_new(struct vm *vm);
/* It is no more: the VM is gone. */
void libvirt_machine_ended(struct libvirt_machine *machine);
/* NULL without memory or libvirt. @done may be NULL. */
struct libvirt_job *libvirt_job_new(struct vm *vm, backend_done done, void *owner);
void libvirt_job_free(struct libvirt_job *job);
/* Its `run`, then its `after`, then it is freed. */
void libvirt_job_start(struct libvirt_job *job, uv_loop_t *loop);
/* In its thread: libvirt's last words are why. */
void libvirt_job_fails(struct libvirt_job *job);

/* libvirt_start.c */
void libvirt_start(struct vm *vm, backend_done done, void *owner);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ending - what becomes of a machine that has the folder mounted when this process is to end
 *
 * Its kernel would wait for answers for ever: virtio has no word for a device whose other side has
 * gone. So SIGTERM ends the sharing, and the process stays for as long as the machine holds on: it
 * answers that there is an I/O error. The second SIGTERM ends it in any case.
 */
#ifndef LODGE_SHARED_FOLDERS_FSD_ENDING_H
#define LODGE_SHARED_FOLDERS_FSD_ENDING_H

#include "shared-folders/server/server.h"

#include <pthread.h>

struct fsd_ending {
	pthread_mutex_t lock;
	struct server *machine; /* NULL: none is there */
	bool ends;
	void (*ended)(void *owner);
	void *owner;
};

/* From now on SIGTERM waits for fsd_ending_await(); to be called before there are threads. */
void fsd_ending_defer(void);

/* In place of waitpid(2): SIGTERM is handed on to the child. Return: its status, as of wait(2). */
int fsd_ending_wait(pid_t child);

void fsd_ending_init(struct fsd_ending *ending);

/**
 * fsd_ending_await() - begin to listen
 * @ended:	the sharing has ended, and the machine holds on; from another thread; may be NULL
 *
 * Where no machine is there the process ends at once. Return: 0 or negative errno.
 */
int fsd_ending_await(struct fsd_ending *ending, void (*ended)(void *owner), void *owner);

/* A machine has come: @server is served until fsd_ending_leave(), to be called before it is freed.
 * Return: false: too late. */
bool fsd_ending_serve(struct fsd_ending *ending, struct server *server);
void fsd_ending_leave(struct fsd_ending *ending);

/* Is the sharing over? */
bool fsd_ending_has_come(struct fsd_ending *ending);

#endif

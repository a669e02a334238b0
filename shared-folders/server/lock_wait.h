/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lock_wait - a thread that waits for a lock
 *
 * There is no other way to stand in the kernel's queue: polling would lose the order and the
 * moment. A waiting thread is ended by a signal (SIGRTMIN + 2, whose handler does nothing and is
 * installed when the first one starts).
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_LOCK_WAIT_H
#define LODGE_SHARED_FOLDERS_SERVER_LOCK_WAIT_H

#include "shared-folders/server/handle.h"

#include <fcntl.h>

/* Threads of one server; who comes then gets -ENOLCK. */
#define LOCK_WAITERS_MAX 1024

/* What is waited for: record locks, or one of the whole file. */
struct lock_job {
	int fd; /* valid as long as @user and the handle are */
	bool flock;
	int operation;	    /* of flock(2) */
	struct flock range; /* of F_OFD_SETLKW */
	void *user;
	/* The lock was got. Return: 0, or why the call fails after all. */
	int (*accept)(struct server *server, void *user);
	/* @user is given back; called once, if lock_wait() was. */
	void (*release)(struct server *server, void *user);
};

/**
 * lock_wait() - answer the call when the lock is there, or by -EINTR
 * @handle:	kept meanwhile
 * @job:	copied; its @user taken over in any case
 *
 * Return: TASK_LATER, or negative errno: the call is still the caller's.
 */
int lock_wait(struct task *task, struct handle *handle, const struct lock_job *job);

#endif

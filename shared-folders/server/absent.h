/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * absent - names of which the peer believes that there is no such file
 *
 * When the peer has to forget everything, these have to be named too, and no inode knows of them.
 * As many as are remembered here may be believed at a time. From any thread; the clock is passed
 * in.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_ABSENT_H
#define LODGE_SHARED_FOLDERS_SERVER_ABSENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ABSENT_MAX 8192

struct absent_name {
	uint64_t folder; /* node id */
	uint64_t until_ms;
	char *name;
};

struct absent {
	pthread_mutex_t lock;
	size_t first, count;
	struct absent_name names[ABSENT_MAX]; /* a ring, by age */
};

/* Return: NULL: no memory. */
struct absent *absent_new(void);
void absent_free(struct absent *absent);

/* Return: whether it is remembered until @until_ms, and so may be believed as long. */
bool absent_add(struct absent *absent, uint64_t folder, const char *name, uint64_t now_ms,
		uint64_t until_ms);

/* Take the oldest. Return: false: there is none. @name: 256 bytes. */
bool absent_take(struct absent *absent, uint64_t *folder, char *name);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client - the same work asked of two agents, each over a unix socket
 */
#ifndef LODGE_BENCH_AGENT_CLIENT_H
#define LODGE_BENCH_AGENT_CLIENT_H

#include <stddef.h>

struct client;

/* All functions end the program with a line on standard error when something fails. */
struct agent_kind {
	const char *name;
	struct client *(*open)(const char *socket);
	void (*ping)(struct client *client);
	/* Run `true` and learn that it has ended. */
	void (*exec)(struct client *client);
	/* The whole file to or from memory. */
	void (*write)(struct client *client, const char *path, const void *bytes, size_t size);
	void (*read)(struct client *client, const char *path, void *bytes, size_t size);
};

extern const struct agent_kind kind_lodge, kind_qga;

int connect_to(const char *socket);
void write_fully(int fd, const void *bytes, size_t size);
void fail(const char *what) __attribute__((noreturn));

#endif

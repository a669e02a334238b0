/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shares_vm - a VM that is a folder and a backend of no words, an agent on this loop behind its
 * agent.sock, and for each share a process that plays lodge-fsd (played_fsd.h)
 */
#ifndef LODGE_TEST_SHARES_VM_H
#define LODGE_TEST_SHARES_VM_H

#include "host/daemon/lodged.h"
#include "host/daemon/share/vm_shares.h"
#include "tests/unit/host/daemon/share/played_fsd.h"
#include "tests/unit/played_agent.h"

#include <check.h>

#define SETTLE_MS 50

extern struct lodged lodged;
extern struct vm *vm;
extern char folder[32]; /* lodged.runtime */
extern const struct backend shares_backend;

extern struct shared_agent {
	struct played_agent played;
	struct stream *attach;
	char list[256]; /* "one two:/mnt -o noexec three(ro)" */
	unsigned int lists;
	bool says_nothing;   /* of what it mounts */
	const char *refuses; /* why it mounts nothing; NULL: it does */
	/* Of the last request. */
	struct stream *open;
	bool opened, resumed, closed;
	int error;
	char echo[64];
} agent;

struct outcome {
	bool called;
	int error;
	char text[256];
};

/* Return: false: it did not come so soon. Conditions may be others' doing, which wakes no loop. */
bool run_until(bool (*condition)(const void *about), const void *about, uint64_t limit_ms);
void must(bool (*condition)(const void *about), const void *about);

/* Conditions. @about: what is named */
bool is_set(const void *flag);
bool list_is(const void *text);
bool echo_is(const void *text);
bool opens_again(const void *name);
bool is_ready(const void *index);
bool is_dead(const void *pid);

/* The agent asks, and is refused; it says what came of a mount (@why NULL: it is mounted). */
void ask(const char *method, const char *name, bool resume);
void ask_without_words(const char *method); /* and parameters */
void expect_refusal(const char *method, const char *name, int error);
void say_mounted(const char *name, const char *at, const char *why);

/* A backend_done. */
void on_done(void *outcome, int error, const char *text);
struct outcome add(const char *line);
void expect_added(const char *line);
const char *state_of(size_t index);
/* Of the process that serves it; 0: there is none. */
pid_t pid_of(const char *name);

/* It comes, or comes again. */
void start_agent(void);

/* The VM is let go; what is in its folder stays, as when lodged ends. */
void leave(void);

/* main(), which is that of each played lodge-fsd too. Each test has a VM of its own. */
int shares_vm_run(int argc, char **argv, TCase *tests);

#endif

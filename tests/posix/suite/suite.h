/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * suite - checks of what a folder does, one line each
 *
 * A group is a function that checks one subject in an empty working directory of its own. Every
 * check has a name and prints one line: "ok GROUP/NAME", "ok GROUP/NAME: what was observed" or
 * "FAIL GROUP/NAME: why". Lines hold nothing that differs from run to run, so the outputs of two
 * folders can be compared by diff: where file systems are free to differ (a feature that one has
 * and the other has not) the group observes and does not judge.
 */
#ifndef LODGE_POSIX_SUITE_H
#define LODGE_POSIX_SUITE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

struct suite {
	const char *group;
};

/* Somebody else, who owns nothing and is in no group of ours. */
#define OTHER_ID 12345

/* Judgements. @result is what a system call returned; errno is still its own. */
void expect(const struct suite *suite, const char *name, bool holds);
void expect_done(const struct suite *suite, const char *name, long result);
void expect_error(const struct suite *suite, const char *name, long result, int error);
void expect_equal(const struct suite *suite, const char *name, long long got, long long wanted);

/* What is not judged but compared: "done" or the error. Return: whether it was done. */
bool observe(const struct suite *suite, const char *name, long result);
void observe_text(const struct suite *suite, const char *name, const char *text);
void skip(const struct suite *suite, const char *name, const char *why);

/* What the group cannot do without: ends it with a FAIL line if @result is negative. */
long need(const struct suite *suite, const char *name, long result);

/* A new file (0644) that holds @text; open for reading and writing, or closed. */
int create(const struct suite *suite, const char *name, const char *text);
void put(const struct suite *suite, const char *name, const char *text);

/* To be closed by closedir(). */
DIR *open_folder(const struct suite *suite, const char *name);

bool holds_text(const char *name, const char *text);
bool exists(const char *name);
struct stat status(const struct suite *suite, const char *name);

/* Longer than the clock of any file system's timestamps ticks. */
void let_time_pass(void);

/* Run @body in a child process, as root or as somebody else. @uid 0: as we are. Its checks print
 * as ours do. */
void in_child(const struct suite *suite, uid_t uid, void (*body)(const struct suite *suite));

/* Whether another user can be played; says so in a line if not. */
bool can_be_others(const struct suite *suite);

void group_acl(const struct suite *suite);
void group_attributes(const struct suite *suite);
void group_copy(const struct suite *suite);
void group_directories(const struct suite *suite);
void group_links(const struct suite *suite);
void group_locks(const struct suite *suite);
void group_maps(const struct suite *suite);
void group_names(const struct suite *suite);
void group_open(const struct suite *suite);
void group_permissions(const struct suite *suite);
void group_rename(const struct suite *suite);
void group_sizes(const struct suite *suite);
void group_space(const struct suite *suite);
void group_special(const struct suite *suite);
void group_sync(const struct suite *suite);
void group_times(const struct suite *suite);
void group_xattr(const struct suite *suite);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runtime - where lodged's socket is, and lodged itself
 */
#ifndef LODGE_CLI_RUNTIME_H
#define LODGE_CLI_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>

/**
 * runtime_directory() - $LODGE_RUNTIME_DIR, else /run/lodge for root, else $XDG_RUNTIME_DIR/lodge
 *
 * Return: 0; -ENOENT if none of them is known; -ENAMETOOLONG.
 */
int runtime_directory(char *path, size_t capacity);

/* true: some VM has its folder there, so that lodged would have something to tell. */
bool runtime_has_vms(const char *runtime);

/* true: a lodged runs there. */
bool runtime_has_daemon(const char *runtime);

/* true: a program of Lodge's is beside this one, or in the libexec folder. */
bool runtime_has_program(const char *name);

/**
 * runtime_start_daemon() - start lodged and wait until it answers
 *
 * Several callers at once start one. It is taken from the folder of this program, else from the
 * libexec folder. Its messages go to @runtime/lodged.log.
 *
 * Return: 0 or negative errno, after an error was printed.
 */
int runtime_start_daemon(const char *runtime);

#endif

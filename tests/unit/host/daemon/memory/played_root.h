/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * played_root - a folder in the place of /, for tests of what reads /proc and /sys
 */
#ifndef LODGE_UNIT_PLAYED_ROOT_H
#define LODGE_UNIT_PLAYED_ROOT_H

struct played_root {
	char path[64];
};

/* Fixtures; the test fails where they cannot be. */
void played_root_make(struct played_root *root);
void played_root_remove(struct played_root *root);

/* A file, and the folders that it is in. */
void played_root_put(const struct played_root *root, const char *name, const char *text);

#endif

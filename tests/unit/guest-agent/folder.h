/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * folder - a folder for the files of a test: a fixture, and short names for what is in it
 */
#ifndef LODGE_TEST_GUEST_FOLDER_H
#define LODGE_TEST_GUEST_FOLDER_H

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[64];

/* Good until the next call. */
static inline const char *in_folder(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static inline const char *make_file(const char *name, const char *text)
{
	FILE *file = fopen(in_folder(name), "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	return in_folder(name);
}

static inline void make_folder(void)
{
	strcpy(folder, "/tmp/lodge-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static inline void remove_folder(void)
{
	ck_assert_int_eq(nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif

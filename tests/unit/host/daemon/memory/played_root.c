/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "played_root.h"

#include <check.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void played_root_make(struct played_root *root)
{
	strcpy(root->path, "/tmp/played-root.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root->path));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status;
	(void)kind;
	(void)where;
	return remove(path);
}

void played_root_remove(struct played_root *root)
{
	ck_assert_int_eq(nftw(root->path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void played_root_put(const struct played_root *root, const char *name, const char *text)
{
	char whole[PATH_MAX];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s%s", root->path, name);
	for (char *at = whole + strlen(root->path) + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		mkdir(whole, 0700);
		*at = '/';
	}
	file = fopen(whole, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

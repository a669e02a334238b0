/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share_text - folders to be shared, as people write them
 */
#ifndef LODGE_CLI_SHARE_TEXT_H
#define LODGE_CLI_SHARE_TEXT_H

#include <stddef.h>

/**
 * share_folder() - the folder that is meant, without links and dots
 * @folder:	set on success, to be freed
 * @error:	one line for people on failure
 *
 * Return: 0; -ENOTDIR, -ENOENT, -errno.
 */
int share_folder(const char *path, char **folder, char *error, size_t capacity);

/**
 * share_line() - what `lodge run --share` was given, with its folder as share_folder() has it
 * @text:	"NAME=DIR[,…]"; a comma of a path is written twice
 *
 * lodged says what is wrong with the rest. Return: as share_folder(); -EINVAL without a folder.
 */
int share_line(const char *text, char **line, char *error, size_t capacity);

#endif

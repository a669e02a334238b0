/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * key_file - small files of lines KEY=value, as logind keeps of its seats, sessions and users
 *
 * logind's own library reads them in this way, too: no bus is needed.
 */
#ifndef LODGE_GUEST_COMMON_KEY_FILE_H
#define LODGE_GUEST_COMMON_KEY_FILE_H

#include <stdbool.h>
#include <stddef.h>

#define KEY_FILE_MAX 4096

/* The text of @root followed by @path, cut at KEY_FILE_MAX. @root: "", or a folder for tests.
 * Return: could it be read? */
bool key_file_read(const char *root, const char *path, char text[static KEY_FILE_MAX]);

/**
 * key_file_value() - what a text says of a key, without quotes around it
 * @value:	set; left alone if it is not there
 *
 * Return: is it there, and does it fit?
 */
bool key_file_value(const char *text, const char *key, char *value, size_t capacity);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uri_list - files as desktops copy and paste them: text/uri-list (RFC 2483, 5) of file: addresses
 * (RFC 8089)
 */
#ifndef LODGE_CLI_URI_LIST_H
#define LODGE_CLI_URI_LIST_H

#include "host/cli/screen/screen_client.h"

#define URI_LIST_TYPE	  "text/uri-list"
#define URI_LIST_PATH_MAX 4096

/* Adds the address of an absolute path. -ENOMEM, -EFBIG. */
int uri_list_add(struct screen_bytes *list, const char *path);

/**
 * uri_list_next() - the next file of a list, which a guest may have made
 * @at:		where to go on; 0 to begin with
 * @path:	receives an absolute path without NUL inside
 *
 * Return: 1; 0 at the end; -EBADMSG: something else than a file of that machine.
 */
int uri_list_next(const struct screen_bytes *list, size_t *at, char path[URI_LIST_PATH_MAX]);

#endif

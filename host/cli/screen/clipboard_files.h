/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard_files - files that are copied on one side and pasted on the other
 *
 * The files themselves go by the agent, as `lodge cp` takes them, into a new folder; the clipboard
 * has their addresses there.
 */
#ifndef LODGE_CLI_CLIPBOARD_FILES_H
#define LODGE_CLI_CLIPBOARD_FILES_H

#include "host/cli/screen/screen_client.h"

/* Copies @paths into a new folder of the guest's /tmp; @list receives where they are then. Return:
 * 0; negative errno after an error was printed. */
int clipboard_files_send(struct client *client, const char *vm, char *const *paths, size_t count,
			 struct screen_bytes *list);

/* Copies the guest's files that are in @list into @folder, which must not be there yet: what a
 * guest calls its files takes the place of nothing. Return: as above. */
int clipboard_files_fetch(struct client *client, const char *vm, const struct screen_bytes *list,
			  const char *folder);

#endif

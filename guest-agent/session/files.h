/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * files - files that the host drops on the desktop, into the user's folder of downloads
 *
 * Answers "files.receive" (protocol/display.h). This program has the user's rights and no others:
 * what it writes the user could have written.
 */
#ifndef LODGE_SESSION_FILES_H
#define LODGE_SESSION_FILES_H

#include "guest-agent/session/session.h"

extern const struct service session_service_files;

/* --- files_folder.c, for it ----------------------------------------------------------------- */

/**
 * files_open_folder() - the user's folder of downloads, made if it is not there
 *
 * XDG_DOWNLOAD_DIR of user-dirs.dirs, else ~/Downloads.
 *
 * Return: a descriptor, the caller's; negative errno.
 */
int files_open_folder(void);

/**
 * files_place() - give a file without a name one that nothing has
 * @fd:		of the file (O_TMPFILE)
 * @name:	of one component; "name.txt" that is there becomes "name (1).txt"
 *
 * Return: 0; -EEXIST: too many have it; negative errno.
 */
int files_place(int folder, int fd, const char *name);

#endif

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

#define FILES_NAME_BYTES 272 /* of a name with its number */

/* A file that is not all there yet. */
struct files_part {
	int folder, fd;
	char name[40]; /* empty: it has none (O_TMPFILE); else one that hides it */
};

/* In @folder, which becomes the part's on success. 0 or negative errno. */
int files_create(int folder, struct files_part *part);

/**
 * files_place() - give it a name that nothing has
 * @name:	of one component; "name.txt" that is there becomes "name (1).txt"
 *
 * Return: 0; -EEXIST: too many have it; negative errno.
 */
int files_place(struct files_part *part, const char *name, char placed[FILES_NAME_BYTES]);

/* Closes both; what was not placed is gone. */
void files_part_end(struct files_part *part);

#endif

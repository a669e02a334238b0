/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * echo - requests of the peer's echo process, which acts out what happened here (README.md of
 * shared-folders)
 *
 * It may look at everything. What it asks to be changed is compared with the changes that it was
 * told of (changes.h), answered as if it had been done, and not done; all else is EAGAIN.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_ECHO_H
#define LODGE_SHARED_FOLDERS_SERVER_ECHO_H

#include "shared-folders/server/internal.h"

/* Not for us: it is carried out as anybody's, and changes nothing. */
#define ECHO_AS_ANY 3

/* Return: as an operation; or ECHO_AS_ANY. */
int echo_call(struct task *task);

#endif

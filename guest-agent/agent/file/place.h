/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * place - a name in a directory that is held open
 *
 * The directory part of a path is resolved once; everything after that is relative to the held
 * directory and never follows a link at the last component. So whoever owns the directory may
 * move it about, and nothing of ours ends up elsewhere.
 */
#ifndef LODGE_AGENT_FILE_PLACE_H
#define LODGE_AGENT_FILE_PLACE_H

#include "protocol/message.h"

#include <sys/types.h>

struct place {
	int directory; /* held by O_PATH */
	char name[MESSAGE_NAME_MAX + 1];
};

#define PLACE_NONE ((struct place){.directory = -1})

/**
 * place_open() - find where @path would be
 * @path:	absolute; trailing slashes do not count
 *
 * Return: 0; -EINVAL if the last component is "." or "..", -EEXIST for "/", -ENAMETOOLONG, or
 *	   what opening the directory said.
 */
int place_open(const char *path, struct place *place);
void place_close(struct place *place);

/**
 * place_create() - a new empty file beside, with a name nobody can guess
 * @mode:	permission bits
 * @name:	receives it
 *
 * Return: descriptor for writing, or negative errno.
 */
int place_create(const struct place *place, mode_t mode, char name[32]);

/* Mode, owner and time of modification as asked for, of @name in the directory or, with @fd >= 0,
 * of that file. Links are not followed. Return: 0 or negative errno. */
int place_set_attributes(const struct place *place, int fd, const struct file_write_params *want);

#endif

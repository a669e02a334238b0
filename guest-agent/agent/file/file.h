/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * file - the methods of the service "file", one file each (protocol/message.h)
 */
#ifndef LODGE_AGENT_FILE_FILE_H
#define LODGE_AGENT_FILE_FILE_H

#include "guest-agent/agent/file/operation.h"
#include "protocol/message.h"

/* As message_decode(); a mode that is not 0 counts without set_mode, too. */
int file_decode_write(struct slice params, struct file_write_params *want);

/* @state: struct workers. */
void file_read(void *state, struct stream *stream, struct slice params);
void file_write(void *state, struct stream *stream, struct slice params);
void file_list(void *state, struct stream *stream, struct slice params);
void file_stat(void *state, struct stream *stream, struct slice params);
void file_mkdir(void *state, struct stream *stream, struct slice params);
void file_setattr(void *state, struct stream *stream, struct slice params);
void file_symlink(void *state, struct stream *stream, struct slice params);
void file_remove(void *state, struct stream *stream, struct slice params);

#endif

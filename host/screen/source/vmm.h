/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vmm - lodge-vmm's displays as a screen's source, over host/display/channel.h */
#ifndef LODGE_SCREEN_SOURCE_VMM_H
#define LODGE_SCREEN_SOURCE_VMM_H

#include "host/screen/screen.h"

/* Connects to lodge-vmm's display socket. Return: the descriptor; negative errno. */
int vmm_source_connect(const char *path);

/**
 * vmm_source_new() - the source behind a connected channel
 * @fd:		becomes the source's, also on failure
 *
 * Heads appear when the VMM has said HELLO. When the VMM ends, or breaks the channel's rules,
 * screen_source_ended() is called.
 *
 * Return: 0; -ENOMEM.
 */
int vmm_source_new(struct screen *screen, int fd, struct source **source);

#endif

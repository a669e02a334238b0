/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sandbox - a process that sees the shared folder and nothing else
 *
 * Of the three ways (lodge-fsd(8)) the first is namespaces of its own: mount, process, network,
 * IPC, and a user namespace where that is what it takes; the folder becomes the root. Without the
 * right to any of that, Landlock keeps the files outside out of reach. Descriptors are opened
 * before, and /proc/self/fd stays as one: it is also the working directory, so that a descriptor's
 * number is a name of what it stands for.
 */
#ifndef LODGE_SHARED_FOLDERS_FSD_SANDBOX_H
#define LODGE_SHARED_FOLDERS_FSD_SANDBOX_H

#include "shared-folders/fsd/options.h"

/**
 * fsd_sandbox_enter() - single-threaded still
 * @root:	set to a descriptor of the folder
 * @proc:	set to one of /proc/self/fd
 *
 * In a process namespace the caller goes on in a child; its parent ends with it, in here.
 *
 * Return: 0; negative errno, and what to do about it has been said.
 */
int fsd_sandbox_enter(const struct fsd_options *options, int *root, int *proc);

/* Capabilities and system calls that are not needed. After the last file was opened by its path. */
int fsd_sandbox_seal(const struct fsd_options *options);

/* The system calls that are left. */
int fsd_filter_load(enum fsd_filter filter);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watcher - stays beside a mount by virtio-fs, and has its kernel look again at what changed on the
 * host: share.watch (protocol/share.h), since such a kernel takes no notifications
 *
 * It holds nothing of the mount, and ends with it. What it is told is carried out by an echo
 * (shared-folders/relay/echo.h), which dies with the stream that it was named on: a server that
 * does not know it would take what it does for what somebody does.
 */
#ifndef LODGE_SHARED_FOLDERS_MOUNT_WATCHER_H
#define LODGE_SHARED_FOLDERS_MOUNT_WATCHER_H

#include "shared-folders/mount/options.h"

#include <stdbool.h>

/* Whether this kernel asks again when it is made to. */
bool watcher_is_possible(void);

/* Until the mount is gone, or its host has nothing to tell. Return: 0 or negative errno. */
int watcher_run(const struct mount_options *options);

#endif

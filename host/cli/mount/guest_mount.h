/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest_mount - a guest's files on this host
 *
 * The guest's agent serves a folder (`share.export`, protocol/share.h), a relay
 * (shared-folders/relay) brings it the kernel's questions. The connection to the agent comes and
 * goes, with lodged, the agent, and the guest; it is made again until the VM is no more.
 */
#ifndef LODGE_CLI_GUEST_MOUNT_H
#define LODGE_CLI_GUEST_MOUNT_H

#include "host/cli/mount/fuse_mount.h"

struct guest_mount_options {
	const char *vm, *path; /* of the guest, absolute */
	const char *user;      /* of the guest, as whom files are touched; NULL: root */
	struct fuse_mount mount;
	/* It is of use: errors that follow are told to nobody. */
	void (*mounted)(void *owner);
	void *owner;
};

/**
 * guest_mount_run() - mount, and answer until it is unmounted
 *
 * SIGINT and SIGTERM unmount it. What fails is printed, in one line.
 *
 * Return: 0 when it was unmounted; negative errno.
 */
int guest_mount_run(const struct guest_mount_options *options);

#endif

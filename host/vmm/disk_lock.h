/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk_lock - nobody writes to a disk that somebody else uses
 *
 * OFD locks on single bytes of the image, in the scheme that QEMU's file driver uses, so that QEMU
 * and Lodge refuse each other's disks. Byte 100 + N is locked (shared) by who uses permission N;
 * byte 200 + N by who does not want others to use permission N. The permissions: 0 read
 * consistently, 1 write, 2 write without change, 3 resize, 4 (no longer used by QEMU).
 * Whoever opens checks that nobody holds a byte that contradicts.
 */
#ifndef LODGE_VMM_DISK_LOCK_H
#define LODGE_VMM_DISK_LOCK_H

#include <stdbool.h>

/**
 * disk_lock() - claim an open image for as long as the descriptor is open
 * @fd:		open for reading, and for writing unless @read_only
 * @read_only:	others may read too; nobody may write
 *
 * A writer claims to be alone in writing and resizing; others that only read and do not mind
 * writers are let in.
 *
 * Return: 0; -EBUSY if the disk is in use by another; -ENOLCK or another negative errno where the
 * file system has no locks.
 */
int disk_lock(int fd, bool read_only);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernel_file - whether a file can be a kernel, before QEMU is asked to run it */
#ifndef LODGE_DAEMON_KERNEL_FILE_H
#define LODGE_DAEMON_KERNEL_FILE_H

#include <stddef.h>

/**
 * kernel_file_check() - look at the first bytes
 * @error:	on failure one line for people; @capacity bytes
 *
 * A Linux bzImage has "HdrS" at 0x202 (the kernel's Documentation/arch/x86/boot.rst), an
 * uncompressed kernel is an ELF file. QEMU runs anything else as a boot sector's worth of garbage.
 *
 * Return: 0; -EINVAL if it is neither; -errno if it cannot be read.
 */
int kernel_file_check(const char *path, char *error, size_t capacity);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel - put a kernel, its initrd and its command line where the guest will find them
 *
 * Two kinds are known: Linux's bzImage, entered by its 64-bit boot protocol (Documentation/x86/
 * boot.rst), and an uncompressed ELF that names a PVH entry point (Xen's docs/misc/pvh.pandoc).
 * Files are read by descriptor, so that a restart needs no path. What a file says is checked
 * against the file's size and the guest's memory before it is used.
 */
#ifndef LODGE_VMM_BOOT_KERNEL_H
#define LODGE_VMM_BOOT_KERNEL_H

#include "host/vmm/boot/entry.h"
#include "protocol/virtqueue/guestmem.h"

#include <stdbool.h>

enum kernel_kind {
	KERNEL_BZIMAGE,
	KERNEL_PVH,
};

struct kernel_files {
	int kernel_fd;
	int initrd_fd;	    /* negative: none */
	const char *append; /* command line */
	uint64_t rsdp;	    /* where the ACPI tables begin */
};

struct kernel_image {
	enum kernel_kind kind;
	struct boot_entry entry;
	uint64_t first, end; /* guest-physical addresses it takes up until it has unpacked itself */
};

/**
 * kernel_load() - load it all
 * @files:	open descriptors, read from offset 0
 * @memory:	the guest's, all zero
 * @image:	set on success
 * @problem:	on failure: what is wrong, for people: a constant
 *
 * Return: 0; -ENOEXEC if the kernel is none or is broken; -ENOSPC if guest memory is too small;
 * -E2BIG if the command line is too long; or the negative errno of reading.
 */
int kernel_load(const struct kernel_files *files, const struct guestmem *memory,
		struct kernel_image *image, const char **problem);

/* "bzImage" or "PVH". */
const char *kernel_kind_name(enum kernel_kind kind);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * formats - the steps of kernel_load(), one file a format
 */
#ifndef LODGE_VMM_BOOT_FORMATS_H
#define LODGE_VMM_BOOT_FORMATS_H

#include "host/vmm/boot/kernel.h"

#include <stddef.h>

/* What a format is given; the same for each. */
struct boot_load {
	const struct kernel_files *files;
	const struct guestmem *memory;
	uint64_t kernel_size_bytes;
	const char *problem; /* set before a negative return */
	/* Where things are, for the structure that tells the kernel. */
	uint64_t initrd, initrd_size_bytes;
};

/* A piece of the guest's address space, as kernels are told of it. */
enum memory_type {
	MEMORY_RAM = 1,
	MEMORY_RESERVED = 2,
	MEMORY_ACPI = 3,
};

struct memory_range {
	uint64_t address;
	uint64_t size_bytes;
	enum memory_type type;
};

#define MEMORY_MAP_MAX 8

/* Return: number of ranges, sorted, never overlapping. */
size_t memory_map(const struct guestmem *memory, struct memory_range ranges[MEMORY_MAP_MAX]);

/* Copy @length bytes at @offset of the kernel file into guest memory at @gpa.
 * Return: 0; -ENOSPC if that is not all RAM above BOOT_HIGH; -ENOEXEC if the file is too short. */
int boot_read_segment(struct boot_load *load, uint64_t offset, uint64_t length, uint64_t gpa);

/* Read from the kernel file into our memory. -ENOEXEC if it is too short. */
int boot_read_kernel(struct boot_load *load, uint64_t offset, void *bytes, size_t length);

/* Put the initrd as high as it goes, below @limit and clear of the kernel's @first to @end. */
int boot_load_initrd(struct boot_load *load, uint64_t first, uint64_t end, uint64_t limit);

/* Put the command line at BOOT_COMMAND_LINE; -E2BIG if it is longer than @max characters. */
int boot_put_command_line(struct boot_load *load, size_t max);

/* Descriptors for the entry's mode, and page tables for BOOT_LONG; fills these fields of @entry. */
int boot_put_descriptors(struct boot_load *load, struct boot_entry *entry);

bool bzimage_is(const uint8_t *head, size_t length);
int bzimage_load(struct boot_load *load, struct kernel_image *image);

bool pvh_is(const uint8_t *head, size_t length);
int pvh_load(struct boot_load *load, struct kernel_image *image);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * entry - how the first vCPU enters the kernel
 */
#ifndef LODGE_VMM_BOOT_ENTRY_H
#define LODGE_VMM_BOOT_ENTRY_H

#include <stdint.h>

enum boot_mode {
	BOOT_LONG,	/* 64-bit boot protocol of Linux: identity-mapped, RSI = argument */
	BOOT_PROTECTED, /* PVH: 32-bit, paging off, EBX = argument */
};

struct boot_entry {
	enum boot_mode mode;
	uint64_t address;
	uint64_t argument;    /* guest-physical: boot_params or hvm_start_info */
	uint64_t page_tables; /* BOOT_LONG: CR3 */
	uint64_t gdt;
	uint16_t gdt_size_bytes;
};

#endif

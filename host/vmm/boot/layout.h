/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * layout - what we put into the guest's first megabyte before it starts
 *
 * The kernel is loaded at 1 MiB or above; nothing below overlaps.
 */
#ifndef LODGE_VMM_BOOT_LAYOUT_H
#define LODGE_VMM_BOOT_LAYOUT_H

#define BOOT_GDT	       0x00500 /* 8 entries */
#define BOOT_START_INFO	       0x06000 /* PVH: hvm_start_info, module list, memory map: a page */
#define BOOT_PARAMS	       0x07000 /* bzImage: boot_params, a page */
#define BOOT_SETUP_DATA	       0x08000 /* bzImage: the seed for the guest's random numbers */
#define BOOT_PAGE_TABLES       0x09000 /* three pages: identity map of the first GiB */
#define BOOT_COMMAND_LINE      0x20000
#define BOOT_COMMAND_LINE_SIZE 0x10000
#define BOOT_LOW_END	       0x9fc00 /* conventional memory ends, as on every PC */
#define BOOT_ACPI	       0xe0000 /* ACPI tables: in the area where firmware has its own */
#define BOOT_ACPI_SIZE	       0x20000
#define BOOT_RESET_VECTOR      0xffff0	/* in that area: where a PC's firmware begins */
#define BOOT_HIGH	       0x100000 /* kernels start here */

#endif

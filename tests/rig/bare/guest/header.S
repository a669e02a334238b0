/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * header - the setup header that makes a bzImage of the flat guest
 *
 * Documentation/arch/x86/boot.rst of Linux: two sectors (boot sector and one of setup), then the
 * image. Only the 64-bit entry exists: there is no real-mode code, so a loader that enters in real
 * mode halts at once.
 */
#include "layout.h"

	.section .setup, "a"
	.code16
	jmp	.
	.org	0x1f1
	.byte	1			/* setup_sects */
	.word	0			/* root_flags */
	.long	syssize			/* in units of 16 bytes */
	.word	0			/* ram_size */
	.word	0			/* vid_mode */
	.word	0			/* root_dev */
	.word	0xaa55			/* boot_flag */
1:	.byte	0xeb, header_end - 1b - 2	/* jump: its length tells where the header ends */
	.ascii	"HdrS"
	.word	0x20f			/* version 2.15 */
	.long	0			/* realmode_swtch */
	.word	0			/* start_sys_seg */
	.word	0			/* kernel_version */
	.byte	0			/* type_of_loader: theirs */
	.byte	0x01			/* loadflags: LOADED_HIGH */
	.word	0			/* setup_move_size */
	.long	0x1000000		/* code32_start */
	.long	0			/* ramdisk_image */
	.long	0			/* ramdisk_size */
	.long	0			/* bootsect_kludge */
	.word	0			/* heap_end_ptr */
	.byte	0			/* ext_loader_ver */
	.byte	0			/* ext_loader_type */
	.long	0			/* cmd_line_ptr */
	.long	0x7fffffff		/* initrd_addr_max */
	.long	0x200000		/* kernel_alignment */
	.byte	0			/* relocatable_kernel: no */
	.byte	21			/* min_alignment, as a power of two */
	.word	0x0001			/* xloadflags: XLF_KERNEL_64 */
	.long	2047			/* cmdline_size */
	.long	0			/* hardware_subarch */
	.quad	0			/* hardware_subarch_data */
	.long	0			/* payload_offset */
	.long	0			/* payload_length */
	.quad	0			/* setup_data */
	.quad	0x1000000		/* pref_address */
	.long	init_size		/* what the image needs there, with .bss */
	.long	0			/* handover_offset */
	.long	0			/* kernel_info_offset */
header_end:
	.org	1024

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layout - numbers that the guest's assembly and C share */
#ifndef BARE_LAYOUT_H
#define BARE_LAYOUT_H

/* Which loader entered us: main()'s first argument. */
#define BOOT_LINUX 1
#define BOOT_PVH   2

#define SEGMENT_CODE32 0x08
#define SEGMENT_CODE64 0x10
#define SEGMENT_DATA   0x18

#define CR0_PE	 0x00000001
#define CR0_PG	 0x80000000
#define CR4_PAE	 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100

/* A page below 1 MiB where another CPU starts in real mode. */
#define AP_TRAMPOLINE 0x8000

#endif

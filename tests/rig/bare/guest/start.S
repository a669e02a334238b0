/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * start - from the two ways a VMM may enter the guest to C
 *
 * guest.ld puts .head first. Offset 0x200 is the 64-bit entry of the Linux boot protocol (long
 * mode, identity paging, %rsi = struct boot_params); the PVH note names pvh_start (32-bit protected
 * mode, no paging, %ebx = struct hvm_start_info). Both end in guest_main(loader, info) on our own GDT and
 * page tables, which map the first 4 GiB one to one; page.c maps more.
 */
#include "layout.h"

	.section .head, "ax"
	.code32
	.globl	pvh_start
pvh_start:
	cli
	cld
	movl	%ebx, %esi
	movl	$BOOT_PVH, %edi
	lgdtl	gdt_pointer
	movl	$boot_pml4, %eax
	movl	%eax, %cr3
	movl	%cr4, %eax
	orl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$(CR0_PG | CR0_PE), %eax
	movl	%eax, %cr0
	ljmpl	$SEGMENT_CODE64, $enter64

	.org	0x200
	.code64
	.globl	start64
start64:
	cli
	cld
	movl	$BOOT_LINUX, %edi
	lgdt	gdt_pointer
	movl	$boot_pml4, %eax
	movq	%rax, %cr3
	movl	$stack_top, %esp
	pushq	$SEGMENT_CODE64
	pushq	$enter64
	lretq

enter64:
	movl	$SEGMENT_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	movl	%eax, %ss
	movl	$stack_top, %esp
	movl	%edi, %ebx
	movl	%esi, %ebp
	movl	$bss_start, %edi
	movl	$bss_end, %ecx
	subl	%edi, %ecx
	xorl	%eax, %eax
	rep stosb
	movl	%ebx, %edi
	movl	%ebp, %esi
	call	guest_main
1:	cli
	hlt
	jmp	1b

/*
 * Another CPU's start: real mode at AP_TRAMPOLINE, where smp.c copies this, one CPU at a time.
 */
	.section .text
	.globl	ap_trampoline, ap_trampoline_end
#define AT(symbol) (AP_TRAMPOLINE + (symbol) - ap_trampoline)
	.code16
ap_trampoline:
	cli
	cld
	xorw	%ax, %ax
	movw	%ax, %ds
	lgdtl	AT(ap_gdt_pointer)
	movl	%cr0, %eax
	orl	$CR0_PE, %eax
	movl	%eax, %cr0
	ljmpl	$SEGMENT_CODE32, $AT(ap_protected)
	.code32
ap_protected:
	movl	$SEGMENT_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$boot_pml4, %eax
	movl	%eax, %cr3
	movl	%cr4, %eax
	orl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$(CR0_PG | CR0_PE), %eax
	movl	%eax, %cr0
	ljmpl	$SEGMENT_CODE64, $ap_long
	.balign 4
ap_gdt_pointer:
	.word	gdt_end - gdt - 1
	.long	gdt
ap_trampoline_end:
	.code64
ap_long:
	movq	ap_stack, %rsp
	call	smp_ap_main
1:	cli
	hlt
	jmp	1b

/*
 * Interrupt entries, 16 bytes each: vector v is at interrupt_entries + 16 * v.
 */
	.balign 16
	.globl	interrupt_entries
interrupt_entries:
	.set	vector, 0
	.rept	256
	.balign 16
	.if !((vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21))
	pushq	$0
	.endif
	pushq	$vector
	jmp	interrupt_common
	.set	vector, vector + 1
	.endr

interrupt_common:
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rbx
	pushq	%rbp
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	cld
	movq	%rsp, %rdi
	call	interrupt_dispatch
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rbp
	popq	%rbx
	popq	%rdx
	popq	%rcx
	popq	%rax
	addq	$16, %rsp
	iretq

	.section .data
	.balign 16
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* SEGMENT_CODE32 */
	.quad	0x00af9b000000ffff	/* SEGMENT_CODE64 */
	.quad	0x00cf93000000ffff	/* SEGMENT_DATA */
gdt_end:
gdt_pointer:
	.word	gdt_end - gdt - 1
	.quad	gdt

/* Present, writable, accessed, dirty; 2 MiB pages also large. */
#define TABLE 0x63
#define LARGE 0xe3
	.balign 4096
	.globl	boot_pml4
boot_pml4:
	.quad	boot_pdpt + TABLE
	.fill	511, 8, 0
boot_pdpt:
	.set	index, 0
	.rept	4
	.quad	boot_pd + index * 4096 + TABLE
	.set	index, index + 1
	.endr
	.fill	508, 8, 0
boot_pd:
	.set	index, 0
	.rept	2048
	.quad	(index << 21) + LARGE
	.set	index, index + 1
	.endr

	.section .bss
	.balign 4096
	.skip	32768
stack_top:

/* The PVH entry point: XEN_ELFNOTE_PHYS32_ENTRY. */
	.section .note.Xen, "a", @note
	.balign 4
	.long	4
	.long	4
	.long	18
	.asciz	"Xen"
	.long	pvh_start

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp - the system calls of each kind of thread
 *
 * The filter is a list that the kernel walks from the top: what is called most stands first. It is
 * written here as BPF, instruction by instruction: that takes no library and no time at start-up.
 * Calls that could do too much are allowed with certain arguments only: ioctl by its request,
 * mmap and mprotect without PROT_EXEC, tgkill to this process.
 *
 * A device that needs another call adds it here, with the reason.
 */
#include "host/vmm/sandbox.h"

#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_INSTRUCTIONS 256
#define END		 (-1)

/* libc's needs in any thread: locks, memory, time, its end. And descriptors that are open. */
static const int common_calls[] = {
	SYS_write,
	SYS_read,
	SYS_futex,
	SYS_close,
	SYS_munmap,
	SYS_madvise,
	SYS_brk,
	SYS_mremap,
	SYS_readv,
	SYS_writev,
	SYS_timerfd_settime,
	SYS_timerfd_gettime,
	SYS_fstat, /* how long a file is that a DAX window has pieces of; what RAM costs the host */
	SYS_clock_gettime,
	SYS_clock_nanosleep,
	SYS_sched_yield,
	SYS_getpid,
	SYS_gettid,
	SYS_rt_sigreturn,
	SYS_rt_sigprocmask,
	SYS_rt_sigaction, /* a failed access is to end the process (dax_faults.c) */
	SYS_restart_syscall,
	SYS_exit,
	SYS_exit_group,
	SYS_getrandom,
	SYS_epoll_ctl,
	SYS_io_uring_enter,
	END,
};

/* KVM_RUN, and what registers of devices lead to: doorbells, interrupts, a restart. */
static const int vcpu_calls[] = {END};
static const unsigned int vcpu_ioctls[] = {
	KVM_RUN,
	KVM_IRQ_LINE,
	KVM_SET_GSI_ROUTING,
	KVM_IRQFD,
	KVM_IOEVENTFD,
	KVM_SET_USER_MEMORY_REGION, /* a DAX window's BAR is mapped or moved */
	KVM_GET_REGS,
	KVM_SET_REGS,
	KVM_SET_SREGS,
	KVM_SET_XCRS,
	KVM_SET_XSAVE,
	KVM_SET_DEBUGREGS,
	KVM_SET_MSRS,
	KVM_SET_LAPIC,
	KVM_SET_VCPU_EVENTS,
	KVM_SET_MP_STATE,
	KVM_KVMCLOCK_CTRL,
	0,
};

/* Sockets that listen already or were accepted; loading the kernel again; waiting for children. */
static const int main_calls[] = {
	SYS_epoll_wait, SYS_epoll_pwait, SYS_accept4,	SYS_recvfrom,  SYS_recvmsg, SYS_sendto,
	SYS_sendmsg,	SYS_shutdown,	 SYS_poll,	SYS_ppoll,     SYS_pread64, SYS_pwrite64,
	SYS_lseek,	SYS_fsync,	 SYS_fdatasync, SYS_fallocate, SYS_wait4,   END,
};
static const unsigned int main_ioctls[] = {
	KVM_IRQ_LINE,	 KVM_IOEVENTFD, KVM_IRQFD,    KVM_SET_GSI_ROUTING,	  KVM_GET_IRQCHIP,
	KVM_SET_IRQCHIP, KVM_SET_SREGS, KVM_SET_REGS, KVM_SET_USER_MEMORY_REGION, 0,
};

/* Disks and sockets, by io_uring or without; holes in the guest's RAM (virtio/balloon.c). */
static const int device_calls[] = {
	SYS_epoll_wait, SYS_epoll_pwait, SYS_pread64,  SYS_pwrite64,  SYS_preadv,
	SYS_pwritev,	SYS_preadv2,	 SYS_pwritev2, SYS_fdatasync, SYS_fsync,
	SYS_fallocate,	SYS_accept4,	 SYS_recvfrom, SYS_recvmsg,   SYS_sendto,
	SYS_sendmsg,	SYS_shutdown,	 SYS_poll,     SYS_ppoll,     END,
};
static const unsigned int device_ioctls[] = {
	BLKDISCARD, BLKZEROOUT, KVM_SET_GSI_ROUTING, KVM_IRQFD, 0,
};

static const struct {
	const int *calls;
	const unsigned int *ioctls;
} kinds[] = {
	[THREAD_MAIN] = {main_calls, main_ioctls},
	[THREAD_VCPU] = {vcpu_calls, vcpu_ioctls},
	[THREAD_DEVICE] = {device_calls, device_ioctls},
};

struct program {
	struct sock_filter instruction[MAX_INSTRUCTIONS];
	unsigned short length;
};

static void add(struct program *program, struct sock_filter instruction)
{
	if (program->length == MAX_INSTRUCTIONS)
		abort();
	program->instruction[program->length++] = instruction;
}

static void load(struct program *program, size_t offset)
{
	add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void finish(struct program *program, uint32_t action)
{
	add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* If what is loaded is @value: allow. */
static void allow(struct program *program, uint32_t value)
{
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
	finish(program, SECCOMP_RET_ALLOW);
}

/* Where the low half of an argument is. */
static size_t argument(unsigned int index)
{
	return offsetof(struct seccomp_data, args) + 8 * index;
}

static size_t count_ioctls(const unsigned int *requests)
{
	size_t count = 0;

	while (requests[count])
		count++;
	return count;
}

/* Skips to the next @skip instructions later unless the call is @call. */
static void begin_call(struct program *program, int call, size_t skip)
{
	if (skip > UINT8_MAX)
		abort();
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0,
						  (uint8_t)skip));
}

static void allow_ioctls(struct program *program, const unsigned int *requests)
{
	begin_call(program, SYS_ioctl, 2 + 2 * count_ioctls(requests));
	load(program, argument(1));
	for (size_t i = 0; requests[i]; i++)
		allow(program, requests[i]);
	finish(program, SECCOMP_RET_KILL_PROCESS);
}

/* mmap and mprotect: protection is the third argument of both. */
static void allow_unless_executable(struct program *program, int call)
{
	begin_call(program, call, 4);
	load(program, argument(2));
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0));
	finish(program, SECCOMP_RET_ALLOW);
	finish(program, SECCOMP_RET_KILL_PROCESS);
}

static void allow_own_signals(struct program *program)
{
	begin_call(program, SYS_tgkill, 4);
	load(program, argument(0));
	allow(program, (uint32_t)getpid());
	finish(program, SECCOMP_RET_KILL_PROCESS);
}

static void write_program(struct program *program, enum thread_kind kind)
{
	load(program, offsetof(struct seccomp_data, arch));
	add(program,
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
	finish(program, SECCOMP_RET_KILL_PROCESS);
	load(program, offsetof(struct seccomp_data, nr));
	allow_ioctls(program, kinds[kind].ioctls);
	for (const int *call = common_calls; *call != END; call++)
		allow(program, (uint32_t)*call);
	for (const int *call = kinds[kind].calls; *call != END; call++)
		allow(program, (uint32_t)*call);
	allow_unless_executable(program, SYS_mmap);
	allow_unless_executable(program, SYS_mprotect);
	allow_own_signals(program);
	finish(program, SECCOMP_RET_KILL_PROCESS);
}

void sandbox_thread(enum thread_kind kind)
{
	struct program program = {.length = 0};
	struct sock_fprog filter = {.filter = program.instruction};

	write_program(&program, kind);
	filter.len = program.length;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0) {
		log_error("cannot set the system call filter: %s", error_text(errno));
		abort();
	}
}

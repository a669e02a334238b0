/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * filter - the system calls that lodge-fsd is left with
 *
 * What the server does with files, what queues, streams and threads take, and no way to make
 * another process, to open a socket, or to run a program. clone3 is as if there was no such call:
 * the C library then uses clone, whose flags can be looked at.
 */
#include "shared-folders/fsd/sandbox.h"

#include "protocol/base/bytes.h"
#include "protocol/sandbox/system_calls.h"

#include <errno.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

static const int calls[] = {
	/* Descriptors: files, rings' events, sockets that are there. */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(preadv),
	SCMP_SYS(pwritev),
	SCMP_SYS(preadv2),
	SCMP_SYS(pwritev2),
	SCMP_SYS(close),
	SCMP_SYS(close_range),
	SCMP_SYS(dup),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(fcntl),
	SCMP_SYS(lseek),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(eventfd2),
	SCMP_SYS(pipe2),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(socketpair),
	/* Files by descriptor. */
	SCMP_SYS(fstat),
	SCMP_SYS(fstatfs),
	SCMP_SYS(ftruncate),
	SCMP_SYS(memfd_create), /* data on a detour (vhost/bounce.c) */
	SCMP_SYS(fallocate),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(syncfs),
	SCMP_SYS(sync_file_range),
	SCMP_SYS(flock),
	SCMP_SYS(fadvise64),
	SCMP_SYS(copy_file_range),
	SCMP_SYS(splice),
	SCMP_SYS(getdents64),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchown),
	SCMP_SYS(fchdir),
	SCMP_SYS(fgetxattr),
	SCMP_SYS(fsetxattr),
	SCMP_SYS(flistxattr),
	SCMP_SYS(fremovexattr),
	/* Files by name, below a descriptor. */
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(statfs),
	SCMP_SYS(faccessat),
	__NR_faccessat2,
	SCMP_SYS(readlinkat),
	SCMP_SYS(mkdirat),
	SCMP_SYS(mknodat),
	SCMP_SYS(symlinkat),
	SCMP_SYS(linkat),
	SCMP_SYS(unlinkat),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(fchmodat),
	__NR_fchmodat2,
	SCMP_SYS(fchownat),
	SCMP_SYS(utimensat),
	SCMP_SYS(truncate),
	SCMP_SYS(name_to_handle_at),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(getxattr),
	SCMP_SYS(lgetxattr),
	SCMP_SYS(setxattr),
	SCMP_SYS(lsetxattr),
	SCMP_SYS(listxattr),
	SCMP_SYS(llistxattr),
	SCMP_SYS(removexattr),
	SCMP_SYS(lremovexattr),
	/* Changes behind our back. */
	SCMP_SYS(inotify_init1),
	SCMP_SYS(inotify_add_watch),
	SCMP_SYS(inotify_rm_watch),
	SCMP_SYS(fanotify_init),
	SCMP_SYS(fanotify_mark),
	/* Who asks. */
	SCMP_SYS(setfsuid),
	SCMP_SYS(setfsgid),
	SCMP_SYS(capget),
	SCMP_SYS(capset),
	SCMP_SYS(umask),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	/* Memory, threads, time, the end. */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(membarrier),
	SCMP_SYS(getrandom),
	SCMP_SYS(getrlimit),
	SCMP_SYS(sysinfo),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* Reflinks and their like, and what libuv asks of a socket. */
static const unsigned long ioctls[] = {FICLONE, FICLONERANGE, FIDEDUPERANGE, FIONBIO, FIONREAD};

static int allow_with_arguments(scmp_filter_ctx rules)
{
	int result;

	/* Threads, and no processes. */
	result = seccomp_rule_add(
		rules, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_VM | CLONE_THREAD, CLONE_VM | CLONE_THREAD));
	if (result == 0)
		result = seccomp_rule_add(rules, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	/* A thread with a working directory of its own. */
	if (result == 0)
		result = seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(unshare), 1,
					  SCMP_A0(SCMP_CMP_EQ, CLONE_FS));
	if (result == 0)
		result = seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
					  SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
	/* To look at limits, not to set them. */
	if (result == 0)
		result = seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
					  SCMP_A2(SCMP_CMP_EQ, 0));
	/* abort() */
	if (result == 0)
		result = seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
					  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	return result;
}

static uint32_t otherwise(enum fsd_filter filter)
{
	switch (filter) {
	case FSD_FILTER_KILL:
		return SCMP_ACT_KILL_PROCESS;
	case FSD_FILTER_LOG:
		return SCMP_ACT_LOG;
	case FSD_FILTER_REFUSE:
	case FSD_FILTER_NONE:
		break;
	}
	return SCMP_ACT_ERRNO(EPERM);
}

int fsd_filter_load(enum fsd_filter kind)
{
	const struct system_calls allowed = {.otherwise = otherwise(kind),
					     .calls = calls,
					     .count = ARRAY_SIZE(calls),
					     .ioctls = ioctls,
					     .ioctls_count = ARRAY_SIZE(ioctls),
					     .more = allow_with_arguments};

	return kind == FSD_FILTER_NONE ? 0 : system_calls_restrict(&allowed);
}

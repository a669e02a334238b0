/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/web/sandbox.h"

#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "protocol/sandbox/confine.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* What libmicrohttpd, libuv and libc do with descriptors and memory that are there. */
static const int calls[] = {
	SCMP_SYS(read),		  SCMP_SYS(write),	   SCMP_SYS(readv),
	SCMP_SYS(writev),	  SCMP_SYS(recvfrom),	   SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),	  SCMP_SYS(sendmsg),	   SCMP_SYS(poll),
	SCMP_SYS(ppoll),	  SCMP_SYS(epoll_wait),	   SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),	  SCMP_SYS(close),	   SCMP_SYS(accept4),
	SCMP_SYS(shutdown),	  SCMP_SYS(getsockname),   SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),	  SCMP_SYS(setsockopt),	   SCMP_SYS(fcntl),
	SCMP_SYS(fstat),	  SCMP_SYS(lseek),	   SCMP_SYS(brk),
	SCMP_SYS(munmap),	  SCMP_SYS(mremap),	   SCMP_SYS(madvise),
	SCMP_SYS(futex),	  SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	SCMP_SYS(time),		  SCMP_SYS(getrandom),	   SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),  SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),		  SCMP_SYS(exit_group),	   SCMP_SYS(getpid),
	SCMP_SYS(gettid),
};

static int allow_some(scmp_filter_ctx filter)
{
	static const unsigned int ioctls[] = {FIONBIO, FIONREAD};
	int result = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ioctls) && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
					  SCMP_A1(SCMP_CMP_EQ, ioctls[i]));
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
					  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
					  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return result;
}

/* What is not allowed fails with EPERM where a library might try it, so that it goes on without. */
static int load_filter(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int result;

	if (!filter)
		return -ENOMEM;
	result = allow_some(filter);
	for (size_t i = 0; i < ARRAY_SIZE(calls) && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return result;
}

int web_sandbox_enter(void)
{
	const struct confine confine = {0};
	int result = confine_namespaces(&confine);

	if (result < 0)
		log_warning("no namespaces for the web process: %s; its system calls are filtered "
			    "all the same",
			    error_text(result));
	result = confine_privileges();
	if (result == 0)
		result = load_filter();
	if (result < 0)
		log_error("cannot enter the sandbox: %s", error_text(result));
	return result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/web/sandbox.h"

#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "protocol/sandbox/confine.h"
#include "protocol/sandbox/system_calls.h"

#include <errno.h>
#include <sys/ioctl.h>

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

static const unsigned long ioctls[] = {FIONBIO, FIONREAD};

int web_sandbox_enter(void)
{
	const struct system_calls allowed = {.otherwise = SCMP_ACT_ERRNO(EPERM),
					     .calls = calls,
					     .count = ARRAY_SIZE(calls),
					     .ioctls = ioctls,
					     .ioctls_count = ARRAY_SIZE(ioctls)};
	const struct confine confine = {0};
	int result = confine_namespaces(&confine);

	if (result < 0)
		log_warning("no namespaces for the web process: %s; its system calls are filtered "
			    "all the same",
			    error_text(result));
	return sandbox_seal(&allowed);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/net/sandbox.h"

#include "host/net/resolver.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/sandbox/confine.h"
#include "protocol/sandbox/system_calls.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* What libslirp, its glib and libc do once they are set up. Files are opened for reading only. */
static const int calls[] = {
	SCMP_SYS(read),		SCMP_SYS(write),	   SCMP_SYS(readv),
	SCMP_SYS(writev),	SCMP_SYS(recvfrom),	   SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),	SCMP_SYS(sendmsg),	   SCMP_SYS(poll),
	SCMP_SYS(ppoll),	SCMP_SYS(close),	   SCMP_SYS(connect),
	SCMP_SYS(bind),		SCMP_SYS(listen),	   SCMP_SYS(accept),
	SCMP_SYS(accept4),	SCMP_SYS(shutdown),	   SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),	SCMP_SYS(getsockopt),	   SCMP_SYS(setsockopt),
	SCMP_SYS(fcntl),	SCMP_SYS(fstat),	   SCMP_SYS(newfstatat),
	SCMP_SYS(stat),		SCMP_SYS(lseek),	   SCMP_SYS(brk),
	SCMP_SYS(munmap),	SCMP_SYS(mremap),	   SCMP_SYS(madvise),
	SCMP_SYS(futex),	SCMP_SYS(clock_gettime),   SCMP_SYS(gettimeofday),
	SCMP_SYS(getrandom),	SCMP_SYS(rt_sigreturn),	   SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction), SCMP_SYS(restart_syscall), SCMP_SYS(exit),
	SCMP_SYS(exit_group),	SCMP_SYS(getpid),	   SCMP_SYS(gettid),
	SCMP_SYS(pwrite64),	SCMP_SYS(ftruncate),
};

static const unsigned long ioctls[] = {FIONREAD};

static int allow_some(scmp_filter_ctx rules)
{
	static const int families[] = {AF_INET, AF_INET6};
	int result = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families) && result == 0; i++)
		result = seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
					  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
	if (result == 0)
		result = seccomp_rule_add(
			rules, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY));
	return result;
}

int net_sandbox_enter(int *resolver_fd)
{
	const struct system_calls allowed = {.otherwise = SCMP_ACT_ERRNO(EPERM),
					     .calls = calls,
					     .count = ARRAY_SIZE(calls),
					     .ioctls = ioctls,
					     .ioctls_count = ARRAY_SIZE(ioctls),
					     .more = allow_some};
	const struct confine confine = {
		.network = true, .file = RESOLVER_FILE, .file_fd = resolver_fd};
	int result;

	*resolver_fd = -EBADF;
	result = confine_namespaces(&confine);
	if (result < 0)
		log_warning("no namespaces for the network process: %s; its system calls are "
			    "filtered all the same",
			    error_text(result));
	return sandbox_seal(&allowed);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/sandbox.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/sandbox/confine.h"
#include "protocol/sandbox/system_calls.h"

#include <fcntl.h>
#include <sys/ioctl.h>

/* What libxkbcommon reads when a layout is asked for. */
#define LAYOUTS "/usr/share/X11/xkb"

/* What libuv and libc do with descriptors and memory that are there; memory that viewers over D-Bus
 * map. */
static const int calls[] = {
	SCMP_SYS(read),		  SCMP_SYS(write),	   SCMP_SYS(readv),
	SCMP_SYS(writev),	  SCMP_SYS(recvfrom),	   SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),	  SCMP_SYS(sendmsg),	   SCMP_SYS(poll),
	SCMP_SYS(ppoll),	  SCMP_SYS(epoll_wait),	   SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),	  SCMP_SYS(epoll_create1), SCMP_SYS(close),
	SCMP_SYS(accept4),	  SCMP_SYS(shutdown),	   SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),	  SCMP_SYS(getsockopt),	   SCMP_SYS(setsockopt),
	SCMP_SYS(socketpair),	  SCMP_SYS(dup),	   SCMP_SYS(fcntl),
	SCMP_SYS(fstat),	  SCMP_SYS(lseek),	   SCMP_SYS(brk),
	SCMP_SYS(munmap),	  SCMP_SYS(mremap),	   SCMP_SYS(madvise),
	SCMP_SYS(futex),	  SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	SCMP_SYS(time),		  SCMP_SYS(getrandom),	   SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),  SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),		  SCMP_SYS(exit_group),	   SCMP_SYS(getpid),
	SCMP_SYS(gettid),	  SCMP_SYS(getuid),	   SCMP_SYS(geteuid),
	SCMP_SYS(getgid),	  SCMP_SYS(getegid),	   SCMP_SYS(sched_yield),
	SCMP_SYS(memfd_create),	  SCMP_SYS(ftruncate),
};

static const unsigned long ioctls[] = {FIONBIO, FIONREAD};

/* In a root of our own there is nothing but layouts. */
static int allow_paths(scmp_filter_ctx rules)
{
	static const int looks[] = {SCMP_SYS(newfstatat), SCMP_SYS(stat), SCMP_SYS(access),
				    SCMP_SYS(faccessat), SCMP_SYS(faccessat2)};
	int result = seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY));

	for (size_t i = 0; i < ARRAY_SIZE(looks) && result == 0; i++)
		result = seccomp_rule_add(rules, SCMP_ACT_ALLOW, looks[i], 0);
	return result;
}

/* Else only what is open is looked at. */
static int allow_what_is_open(scmp_filter_ctx rules)
{
	return seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
				SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
}

int screen_sandbox_enter(void)
{
	struct system_calls allowed = {.otherwise = SCMP_ACT_ERRNO(EPERM),
				       .calls = calls,
				       .count = ARRAY_SIZE(calls),
				       .ioctls = ioctls,
				       .ioctls_count = ARRAY_SIZE(ioctls),
				       .more = allow_paths};
	const struct confine confine = {.folder = LAYOUTS};
	int result = confine_namespaces(&confine);

	if (result < 0) {
		allowed.more = allow_what_is_open;
		log_warning("no namespaces for the screen process: %s; its system calls are "
			    "filtered all the same, and it knows no keyboard layout but its own",
			    error_text(result));
	}
	return sandbox_seal(&allowed);
}

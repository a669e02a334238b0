/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/sandbox.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/sandbox/confine.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

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

static int allow_paths(scmp_filter_ctx filter)
{
	static const int looks[] = {SCMP_SYS(newfstatat), SCMP_SYS(stat), SCMP_SYS(access),
				    SCMP_SYS(faccessat), SCMP_SYS(faccessat2)};
	int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY));

	for (size_t i = 0; i < ARRAY_SIZE(looks) && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, looks[i], 0);
	return result;
}

/* Calls that could do more than is needed. */
static int allow_some(scmp_filter_ctx filter, bool has_root)
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
	if (result < 0)
		return result;
	/* In a root of our own there is nothing but layouts. Else only what is open is looked at.
	 */
	if (has_root)
		return allow_paths(filter);
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
				SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
}

/* What is not allowed fails with EPERM where a library might try it, so that it goes on without. */
static int load_filter(bool has_root)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int result;

	if (!filter)
		return -ENOMEM;
	result = allow_some(filter, has_root);
	for (size_t i = 0; i < ARRAY_SIZE(calls) && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return result;
}

int screen_sandbox_enter(void)
{
	const struct confine confine = {.folder = LAYOUTS};
	bool has_root;
	int result = confine_namespaces(&confine);

	has_root = result == 0;
	if (!has_root)
		log_warning("no namespaces for the screen process: %s; its system calls are "
			    "filtered all the same, and it knows no keyboard layout but its own",
			    error_text(result));
	result = confine_privileges();
	if (result == 0)
		result = load_filter(has_root);
	if (result < 0)
		log_error("cannot enter the sandbox: %s", error_text(result));
	return result;
}

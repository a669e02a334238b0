/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/net/sandbox.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define RESOLV_CONF	"/etc/resolv.conf"
#define RESOLV_MAX	(64 * 1024)
#define NEW_ROOT	"/tmp"
#define NEW_RESOLV_CONF NEW_ROOT RESOLV_CONF

static int write_file(const char *path, const char *text, size_t size, int flags)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0444);

	if (fd < 0)
		return -errno;
	return write(fd, text, size) == (ssize_t)size ? 0 : -errno;
}

/* We stay who we are, seen from inside. Where setgroups is denied already, that is all the same. */
static int map_ids(uid_t uid, gid_t gid)
{
	char map[64];
	int size = snprintf(map, sizeof(map), "%u %u 1\n", uid, uid), result;

	result = write_file("/proc/self/uid_map", map, (size_t)size, 0);
	if (result < 0)
		return result;
	write_file("/proc/self/setgroups", "deny", 4, 0);
	size = snprintf(map, sizeof(map), "%u %u 1\n", gid, gid);
	return write_file("/proc/self/gid_map", map, (size_t)size, 0);
}

static ssize_t read_resolv_conf(char *text, size_t size)
{
	_cleanup_close_ int fd = open(RESOLV_CONF, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, size);

	return MAX(got, 0);
}

/* An empty file system with nothing but the one file, read-only. */
static int make_root(const char *resolv, size_t resolv_size)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("lodge-net", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=256k,mode=755") < 0 ||
	    mkdir(NEW_ROOT "/etc", 0755) < 0)
		return -errno;
	if (write_file(NEW_RESOLV_CONF, resolv, resolv_size, O_CREAT) < 0)
		return -errno;
	if (chdir(NEW_ROOT) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	if (mount(NULL, "/", NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -errno;
	return 0;
}

/* Return: 0; negative errno if the host does not let us. */
static int enter_namespaces(void)
{
	_cleanup_free_ char *resolv = malloc(RESOLV_MAX);
	uid_t uid = geteuid();
	gid_t gid = getegid();
	ssize_t resolv_size;
	int result;

	if (!resolv)
		return -ENOMEM;
	resolv_size = read_resolv_conf(resolv, RESOLV_MAX);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return -errno;
	result = map_ids(uid, gid);
	return result < 0 ? result : make_root(resolv, (size_t)resolv_size);
}

/* The new user namespace gave us all capabilities in it: they have served. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

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
};

static int allow_some(scmp_filter_ctx filter)
{
	static const int families[] = {AF_INET, AF_INET6};
	int result = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families) && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
					  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
	if (result == 0)
		result = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY));
	/* FIONREAD. */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
					  SCMP_A1(SCMP_CMP_EQ, 0x541b));
	/* Memory, but none that can be executed: PROT_EXEC is 4. */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
					  SCMP_A2(SCMP_CMP_MASKED_EQ, 4, 0));
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
					  SCMP_A2(SCMP_CMP_MASKED_EQ, 4, 0));
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

int net_sandbox_enter(void)
{
	int result = enter_namespaces();

	if (result < 0)
		log_warning("no namespaces for the network process: %s; its system calls are "
			    "filtered all the same",
			    error_text(result));
	result = drop_capabilities();
	if (result == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		result = -errno;
	if (result == 0)
		result = load_filter();
	if (result < 0)
		log_error("cannot enter the sandbox: %s", error_text(result));
	return result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/sandbox.h"

#include "protocol/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Any folder that every system has: it is covered in our mount namespace only. */
#define NEW_ROOT "/tmp"

/* Root needs no user namespace, and has more left to lose in one; others get the rest by it. */
static int enter_namespaces(void)
{
	int flags = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

	if (unshare(flags) == 0)
		return 0;
	return unshare(flags | CLONE_NEWUSER) < 0 ? -errno : 0;
}

/* pivot_root(".", ".") stacks the old root on the new one, from where it is detached. */
static int empty_root(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
		  "size=4k,nr_inodes=1,mode=555") < 0 ||
	    chdir(NEW_ROOT) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

int sandbox_process(void)
{
	int error = enter_namespaces();

	if (error)
		log_warning("no namespaces for the sandbox: %s; seccomp alone guards the host",
			    error_text(error));
	else
		error = empty_root();
	if (error)
		log_warning("the sandbox keeps this root folder: %s; seccomp keeps it closed",
			    error_text(error));
	error = drop_capabilities();
	if (!error &&
	    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0))
		error = -errno;
	if (error)
		log_error("cannot give up privileges: %s", error_text(error));
	return error;
}

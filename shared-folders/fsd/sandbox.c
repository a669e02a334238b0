/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/fsd/sandbox.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "shared-folders/fsd/ending.h"
#include "shared-folders/fsd/landlock.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x00000001
#endif

/* As linux/mount.h has it, which does not go with sys/mount.h. */
struct attributes {
	uint64_t set, clear, propagation, user_namespace;
};

#define CAPABILITY(number) (1ULL << (number))

/* What root keeps: to act as any owner of a file, whose capabilities are an attribute of it. */
static const uint64_t capabilities_kept =
	CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_DAC_READ_SEARCH) |
	CAPABILITY(CAP_FOWNER) | CAPABILITY(CAP_FSETID) | CAPABILITY(CAP_SETUID) |
	CAPABILITY(CAP_SETGID) | CAPABILITY(CAP_MKNOD) | CAPABILITY(CAP_SETFCAP);

static int write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* --- Namespaces --- */

/* One user: we, as who we are, or as who we are to be in there. */
static int map_ids(const struct fsd_options *options, uid_t uid, gid_t gid)
{
	char map[64];
	int result;

	snprintf(map, sizeof(map), "%u %u 1\n", options->has_uid_map ? options->root_uid : uid,
		 uid);
	result = write_file("/proc/self/uid_map", map);
	if (result < 0)
		return result;
	(void)write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1\n", options->has_gid_map ? options->root_gid : gid,
		 gid);
	return write_file("/proc/self/gid_map", map);
}

static int unshare_all(const struct fsd_options *options)
{
	static const int flags =
		CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (!options->has_uid_map && unshare(flags) == 0)
		return 0;
	if (unshare(flags | CLONE_NEWUSER) < 0)
		return -errno;
	return map_ids(options, uid, gid);
}

/* A process namespace is entered by a child. The parent is the one that others know. */
static int go_on_in_child(void)
{
	pid_t parent = getpid(), child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (child == 0) {
		/* 0: our parent is outside of our namespace, as it should be. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || (getppid() != 0 && getppid() != parent))
			_exit(1);
		return 0;
	}
	/* Sockets are the child's alone: what it closes is closed. */
	(void)syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
	status = fsd_ending_wait(child);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static int make_read_only(const char *path)
{
	struct attributes attributes = {.set = MOUNT_ATTR_RDONLY};

	if (syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attributes,
		    sizeof(attributes)) == 0)
		return 0;
	/* A kernel before 5.12: file systems below it are the server's to protect. */
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0 ? -errno : 0;
}

/* A folder that is there for sure and that nobody needs: the shared one is put over it. */
static const char *find_place(void)
{
	static const char *const places[] = {"/tmp", "/dev", "/run", "/proc"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], F_OK) == 0)
			return places[i];
	return places[0];
}

/*
 * A kernel's first root, of guests that live in an initramfs, cannot be put away. The current
 * folder is moved over it, as switch_root(8) does; what is below is out of reach of who was changed
 * to it.
 */
static int cover_first_root(void)
{
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

/*
 * What is mounted below the folder later, on the host, appears here too. pivot_root(".", ".")
 * stacks the old root on the new one, from where it is detached.
 */
static int change_root(const struct fsd_options *options)
{
	const char *place = find_place();
	int result;

	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    mount(options->source, place, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	if (options->server.read_only) {
		result = make_read_only(place);
		if (result < 0)
			return result;
	}
	if (chdir(place) < 0)
		return -errno;
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return errno == EINVAL ? cover_first_root() : -errno;
	return umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ? -errno : 0;
}

static int open_proc(int *proc)
{
	*proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*proc >= 0)
		return 0;
	log_error("cannot open /proc/self/fd: %s; mount proc on /proc", error_text(errno));
	return -errno;
}

static int open_root(const char *path, int *root)
{
	*root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*root >= 0)
		return 0;
	log_error("cannot open '%s': %s", path, error_text(errno));
	return -errno;
}

static int enter_namespaces(const struct fsd_options *options, int *root, int *proc)
{
	int result = go_on_in_child();

	if (result == 0)
		result = open_proc(proc);
	if (result < 0)
		return result;
	result = change_root(options);
	if (result < 0) {
		log_error("cannot make '%s' the root: %s; see --sandbox", options->source,
			  error_text(result));
		return result;
	}
	return open_root("/", root);
}

/* --- The other ways --- */

static int enter_chroot(const struct fsd_options *options, int *root, int *proc)
{
	int result = open_proc(proc);

	if (result < 0)
		return result;
	if (chroot(options->source) < 0 || chdir("/") < 0) {
		result = -errno;
		log_error("cannot make '%s' the root: %s; --sandbox chroot needs root",
			  options->source, error_text(result));
		return result;
	}
	return open_root("/", root);
}

static int enter_nothing(const struct fsd_options *options, int *root, int *proc)
{
	int result = open_proc(proc);

	return result < 0 ? result : open_root(options->source, root);
}

static int enter_landlock(const struct fsd_options *options, int why, int *root, int *proc)
{
	int result = enter_nothing(options, root, proc);

	if (result < 0)
		return result;
	result = fsd_landlock_restrict(*root, options->server.read_only);
	if (result < 0) {
		log_error("no namespaces (%s) and no Landlock (%s) to be had: '--sandbox none' "
			  "serves without",
			  error_text(why), error_text(result));
		return result;
	}
	log_info("no namespaces to be had (%s): Landlock keeps to the folder", error_text(why));
	return 0;
}

static int enter(const struct fsd_options *options, int *root, int *proc)
{
	int result;

	switch (options->sandbox) {
	case FSD_SANDBOX_CHROOT:
		return enter_chroot(options, root, proc);
	case FSD_SANDBOX_NONE:
		return enter_nothing(options, root, proc);
	case FSD_SANDBOX_NAMESPACE:
		break;
	}
	result = unshare_all(options);
	if (result < 0)
		return enter_landlock(options, result, root, proc);
	return enter_namespaces(options, root, proc);
}

/* --- Privileges --- */

/* Within reason: a server of a large tree wants many, a million is enough. */
static void raise_limit(const struct fsd_options *options)
{
	struct rlimit limit;
	rlim_t wanted = options->has_descriptors ? options->descriptors : 1000000;

	if (wanted == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (!options->has_descriptors && limit.rlim_cur >= wanted)
		return;
	/* Who may not raise it has what there is. */
	if (geteuid() != 0)
		wanted = MIN(wanted, limit.rlim_max);
	limit.rlim_cur = wanted;
	limit.rlim_max = wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
			return;
	}
	log_warning("the limit of descriptors stays as it is: %s", error_text(errno));
}

int fsd_sandbox_enter(const struct fsd_options *options, int *root, int *proc)
{
	int result;

	*root = *proc = -EBADF;
	raise_limit(options);
	/* In a user namespace of others that may not be allowed; then there is nothing to drop. */
	if (geteuid() == 0 && setgroups(0, NULL) < 0)
		log_debug("groups stay: %s", error_text(errno));
	result = enter(options, root, proc);
	if (result < 0)
		return result;
	if (fchdir(*proc) < 0) {
		log_error("cannot enter /proc/self/fd: %s", error_text(errno));
		return -errno;
	}
	return 0;
}

/* Root has what it takes to be any user; others have nothing to lose but the namespace's. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	uint64_t wanted = geteuid() == 0 ? capabilities_kept : 0;

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (unsigned int i = 0; i < ARRAY_SIZE(data); i++) {
		data[i].permitted &= (uint32_t)(wanted >> 32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int fsd_sandbox_seal(const struct fsd_options *options)
{
	int result = drop_capabilities();

	if (result == 0 &&
	    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0))
		result = -errno;
	if (result == 0)
		result = fsd_filter_load(options->filter);
	if (result < 0)
		log_error("cannot give up privileges: %s", error_text(result));
	return result;
}

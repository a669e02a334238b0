/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/copy/host_tree.h"
#include "protocol/base/cleanup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>

#define SECOND_NS 1000000000LL
/* Set-user-ID and its kin are the guest's to give in the guest, not on the host. */
#define MODE_KEPT 0777

bool host_tree_name_is_valid(const char *name, size_t length)
{
	if (length == 0 || length > 255)
		return false;
	if (memchr(name, '/', length) || memchr(name, '\0', length))
		return false;
	return !(length == 1 && name[0] == '.') && !(length == 2 && memcmp(name, "..", 2) == 0);
}

int host_tree_open_root(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int open_beneath(int root, const char *relative, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, root, *relative ? relative : ".", &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int host_tree_open_folder(int root, const char *relative)
{
	return open_beneath(root, relative, O_RDONLY | O_DIRECTORY);
}

/* The folder that @relative is in, and its last component. */
static int open_parent(int root, const char *relative, const char **name)
{
	const char *slash = strrchr(relative, '/');
	char parent[HOST_TREE_PATH_MAX];
	size_t length = slash ? (size_t)(slash - relative) : 0;

	*name = slash ? slash + 1 : relative;
	if (!host_tree_name_is_valid(*name, strlen(*name)))
		return -EINVAL;
	if (length >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, relative, length);
	parent[length] = '\0';
	return open_beneath(root, parent, O_PATH | O_DIRECTORY);
}

static struct timespec time_of(int64_t ns)
{
	struct timespec time = {ns / SECOND_NS, ns % SECOND_NS};

	if (time.tv_nsec < 0) {
		time.tv_nsec += SECOND_NS;
		time.tv_sec--;
	}
	return time;
}

int host_tree_make_folder(int root, const char *relative)
{
	_cleanup_close_ int parent = -EBADF, folder = -EBADF;
	const char *name;

	if (*relative) {
		parent = open_parent(root, relative, &name);
		if (parent < 0)
			return parent;
		if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	/* It may have been there, and something else than a folder. */
	folder = host_tree_open_folder(root, relative);
	return folder < 0 ? folder : 0;
}

int host_tree_finish_folder(int root, const char *relative, mode_t mode, int64_t mtime_ns)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, time_of(mtime_ns)};
	_cleanup_close_ int folder = host_tree_open_folder(root, relative);

	if (folder < 0)
		return folder;
	if (fchmod(folder, mode & MODE_KEPT) < 0 || futimens(folder, times) < 0)
		return -errno;
	return 0;
}

/* A name that is not taken, beside the final one and told apart from what people name. */
static int temporary_name(char *name, size_t capacity)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return -EIO;
	snprintf(name, capacity, ".lodge-cp-%016" PRIx64, number);
	return 0;
}

/* rename() replaces files and links, but not folders. */
static int take_name(int folder, const char *temporary, const char *name)
{
	int error = renameat(folder, temporary, folder, name) < 0 ? -errno : 0;

	if (error)
		unlinkat(folder, temporary, 0);
	return error;
}

int host_tree_make_link(int root, const char *relative, const char *target, int64_t mtime_ns)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, time_of(mtime_ns)};
	_cleanup_close_ int folder = -EBADF;
	const char *name;
	char temporary[64];
	int error;

	folder = open_parent(root, relative, &name);
	if (folder < 0)
		return folder;
	error = temporary_name(temporary, sizeof(temporary));
	if (error)
		return error;
	if (symlinkat(target, folder, temporary) < 0)
		return -errno;
	utimensat(folder, temporary, times, AT_SYMLINK_NOFOLLOW);
	return take_name(folder, temporary, name);
}

int host_tree_stat(int root, const char *relative, struct stat *status)
{
	_cleanup_close_ int folder = -EBADF;
	const char *name;

	folder = open_parent(root, relative, &name);
	if (folder < 0)
		return folder;
	return fstatat(folder, name, status, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int host_file_create(int root, const char *relative, struct host_file *file)
{
	const char *name;
	int error;

	*file = (struct host_file){.fd = -EBADF, .folder_fd = -EBADF};
	file->folder_fd = open_parent(root, relative, &name);
	if (file->folder_fd < 0)
		return file->folder_fd;
	snprintf(file->name, sizeof(file->name), "%s", name);
	error = temporary_name(file->temporary, sizeof(file->temporary));
	if (!error) {
		file->fd = openat(file->folder_fd, file->temporary,
				  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		error = file->fd < 0 ? -errno : 0;
	}
	if (error)
		close(take_fd(&file->folder_fd));
	return error;
}

static void close_both(struct host_file *file)
{
	close(take_fd(&file->fd));
	close(take_fd(&file->folder_fd));
}

int host_file_commit(struct host_file *file, mode_t mode, int64_t mtime_ns)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, time_of(mtime_ns)};
	int error;

	if (fchmod(file->fd, mode & MODE_KEPT) < 0 || futimens(file->fd, times) < 0) {
		error = -errno;
		host_file_abandon(file);
		return error;
	}
	error = take_name(file->folder_fd, file->temporary, file->name);
	close_both(file);
	return error;
}

void host_file_abandon(struct host_file *file)
{
	unlinkat(file->folder_fd, file->temporary, 0);
	close_both(file);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/mount/fuse_mount.h"

#include "protocol/base/parse.h"
#include "shared-folders/server/server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define VIRTIO_DEVICES "/sys/bus/virtio/devices"
#define VIRTIO_ID_FS   26

/* Is there any at all? What its tag is older kernels do not tell, but by mounting it. */
static bool has_virtio_fs(void)
{
	DIR *devices = opendir(VIRTIO_DEVICES);
	const struct dirent *entry;
	bool found = false;

	while (devices && !found && (entry = readdir(devices))) {
		char path[sizeof(VIRTIO_DEVICES) + 300], text[32] = "";
		FILE *file;
		uint64_t id;

		snprintf(path, sizeof(path), VIRTIO_DEVICES "/%s/device", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(text, sizeof(text), file)) {
			text[strcspn(text, "\n")] = '\0';
			found = parse_u64(text, 0, UINT32_MAX, &id) == 0 && id == VIRTIO_ID_FS;
		}
		fclose(file);
	}
	if (devices)
		closedir(devices);
	return found;
}

int fuse_mount_virtio(const struct mount_options *options)
{
	if (!has_virtio_fs())
		return -ENODEV;
	if (mount(options->name, options->target, "virtiofs", options->flags,
		  options->dax[0] ? options->dax : NULL) == 0)
		return 0;
	/* EINVAL: none has this tag. EBUSY is somebody else's mount point, not ours to say. */
	return errno == EINVAL ? -ENODEV : -errno;
}

static void load_module(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		execlp("modprobe", "modprobe", "-q", "fuse", (char *)NULL);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
}

int fuse_mount_open(void)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO)) {
		load_module();
		fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

int fuse_mount(const struct mount_options *options, int fuse_fd)
{
	char data[160];

	snprintf(data, sizeof(data),
		 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,default_permissions,max_read=%u%s",
		 fuse_fd, getuid(), getgid(), SERVER_MAX_PAYLOAD,
		 options->private ? "" : ",allow_other");
	return mount(options->name, options->target, "fuse.lodge", options->flags, data) < 0
		       ? -errno
		       : 0;
}

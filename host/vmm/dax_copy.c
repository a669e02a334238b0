/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/dax_copy.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One that is a pipe or a terminal could make us wait. By the call that the sandbox lets through,
 * as in dax_window.c. */
static bool is_regular(int fd)
{
	struct stat status;

	return syscall(SYS_fstat, fd, &status) == 0 && S_ISREG(status.st_mode);
}

int dax_copy(struct dax_window *window, uint64_t offset, uint64_t length, int fd,
	     uint64_t file_offset, bool into_window)
{
	uint64_t size = dax_window_size(window);
	uint8_t *bytes = dax_window_host(window);

	if (offset > size || length > size - offset)
		return -EFAULT;
	if (file_offset > INT64_MAX - length)
		return -EINVAL;
	if (!is_regular(fd))
		return -EBADF;
	bytes += offset;
	while (length > 0) {
		ssize_t done = into_window ? pread(fd, bytes, length, (off_t)file_offset)
					   : pwrite(fd, bytes, length, (off_t)file_offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -ENODATA;
		bytes += done;
		file_offset += (uint64_t)done;
		length -= (uint64_t)done;
	}
	return 0;
}

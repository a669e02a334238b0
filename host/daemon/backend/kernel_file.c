/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/kernel_file.h"

#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>

#define SETUP_HEADER_MAGIC_AT 0x202

int kernel_file_check(const char *path, char *error, size_t capacity)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char start[SETUP_HEADER_MAGIC_AT + 4] = {0};
	int r;

	if (fd < 0 || read(fd, start, sizeof(start)) < 0) {
		r = -errno;
		snprintf(error, capacity, "cannot read the kernel %s: %s", path, error_text(r));
		return r;
	}
	if (memcmp(start, ELFMAG, SELFMAG) == 0 ||
	    memcmp(start + SETUP_HEADER_MAGIC_AT, "HdrS", 4) == 0)
		return 0;
	snprintf(error, capacity, "%s is no kernel: neither a Linux bzImage nor an ELF file", path);
	return -EINVAL;
}

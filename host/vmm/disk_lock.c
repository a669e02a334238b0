/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/disk_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

#define USES_AT	   100 /* + permission: somebody uses it */
#define REFUSES_AT 200 /* + permission: somebody does not want others to use it */

enum permission {
	CONSISTENT_READ = 1 << 0,
	WRITE = 1 << 1,
	WRITE_UNCHANGED = 1 << 2,
	RESIZE = 1 << 3,
};
#define PERMISSIONS 4

/* What a machine does with a disk that it may write, and what it cannot bear of others. A reader
 * bears other readers and, as QEMU has it, writers that change nothing. */
#define WRITER_USES    (CONSISTENT_READ | WRITE)
#define WRITER_REFUSES (WRITE | RESIZE)
#define READER_USES    CONSISTENT_READ
#define READER_REFUSES (WRITE | RESIZE)

static int lock_byte(int fd, off_t byte)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

static int lock_bytes(int fd, off_t first, unsigned int permissions)
{
	for (int i = 0; i < PERMISSIONS; i++) {
		int error = permissions & 1U << i ? lock_byte(fd, first + i) : 0;

		if (error)
			return error;
	}
	return 0;
}

/* Would an exclusive lock be possible? If not, somebody holds a byte, shared. Our own locks do not
 * count: they belong to the same open file. */
static int check_nobody_holds(int fd, off_t first, unsigned int permissions)
{
	for (int i = 0; i < PERMISSIONS; i++) {
		struct flock lock = {
			.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = first + i, .l_len = 1};

		if (!(permissions & 1U << i))
			continue;
		if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
			return -errno;
		if (lock.l_type != F_UNLCK)
			return -EBUSY;
	}
	return 0;
}

/* First claim, then look: of two that come at once, at least one sees the other. */
int disk_lock(int fd, bool read_only)
{
	unsigned int uses = read_only ? READER_USES : WRITER_USES;
	unsigned int refuses = read_only ? READER_REFUSES : WRITER_REFUSES;
	int error = lock_bytes(fd, USES_AT, uses);

	if (!error)
		error = lock_bytes(fd, REFUSES_AT, refuses);
	if (!error)
		error = check_nobody_holds(fd, REFUSES_AT, uses);
	if (!error)
		error = check_nobody_holds(fd, USES_AT, refuses);
	return error;
}

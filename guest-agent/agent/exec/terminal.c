/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/exec/terminal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int terminal_open(uid_t owner, int *ours, int *programs)
{
	const int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
	_cleanup_close_ int master = open("/dev/ptmx", flags | O_NONBLOCK);
	_cleanup_close_ int slave = -EBADF;
	int locked = 0;

	/* Where /dev/ptmx is not the one of the mounted devpts. */
	if (master < 0)
		master = open("/dev/pts/ptmx", flags | O_NONBLOCK);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &locked) < 0)
		return -errno;
	/* By descriptor, not by a name that somebody may have mounted something over. */
	slave = ioctl(master, TIOCGPTPEER, flags);
	if (slave < 0)
		return -errno;
	if (geteuid() == 0 && (fchown(slave, owner, (gid_t)-1) < 0 || fchmod(slave, 0620) < 0))
		return -errno;
	*ours = take_fd(&master);
	*programs = take_fd(&slave);
	return 0;
}

void terminal_resize(int ours, uint64_t rows, uint64_t columns)
{
	const struct winsize size = {
		.ws_row = (unsigned short)MIN(rows, UINT16_MAX),
		.ws_col = (unsigned short)MIN(columns, UINT16_MAX),
	};

	ioctl(ours, TIOCSWINSZ, &size);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drivers/uevent.h"
#include "protocol/base/cleanup.h"

#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#define EVENT_BYTES  4096
#define KERNEL_GROUP 1

int uevent_open(void)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP};
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

bool uevent_is_of(const char *bytes, size_t length, const char *subsystem)
{
	static const char key[] = "SUBSYSTEM=";
	const size_t key_length = sizeof(key) - 1;

	while (length > 0) {
		const size_t field = strnlen(bytes, length);

		if (field == length)
			return false; /* cut off */
		if (field > key_length && memcmp(bytes, key, key_length) == 0 &&
		    strcmp(bytes + key_length, subsystem) == 0)
			return true;
		bytes += field + 1;
		length -= field + 1;
	}
	return false;
}

bool uevent_drain(int fd, const char *subsystem)
{
	bool found = false;

	for (;;) {
		struct sockaddr_nl sender = {0};
		socklen_t size = sizeof(sender);
		char bytes[EVENT_BYTES];
		const ssize_t length =
			recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&sender, &size);

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && errno == ENOBUFS) {
			found = true;
			continue;
		}
		if (length < 0)
			return found;
		if (sender.nl_pid == 0 && uevent_is_of(bytes, (size_t)length, subsystem))
			found = true;
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tap - plugs this network namespace into a lodge-net: the namespace is the guest
 *
 *	tap SOCKET INTERFACE
 *
 * Frames go between a tap interface and the socket, each behind its length there. Ends with the
 * socket. For the test in this folder: blocking writes and no mercy for errors.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FRAME_BYTES 70000

static int open_tap(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		err(1, "tap %s", name);
	return fd;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "%s", path);
	return fd;
}

static void read_all(int fd, uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t got = read(fd, bytes, size);

		if (got <= 0)
			_exit(0);
		bytes += got;
		size -= (size_t)got;
	}
}

static void to_socket(int tap, int fd)
{
	static uint8_t frame[4 + FRAME_BYTES];
	ssize_t size = read(tap, frame + 4, FRAME_BYTES);
	uint32_t length = htonl((uint32_t)size);

	if (size <= 0)
		return;
	memcpy(frame, &length, 4);
	for (ssize_t sent = 0, part; sent < size + 4; sent += part) {
		part = write(fd, frame + sent, (size_t)(size + 4 - sent));
		if (part <= 0)
			_exit(0);
	}
}

static void to_tap(int tap, int fd)
{
	static uint8_t frame[FRAME_BYTES];
	uint32_t length;

	read_all(fd, (uint8_t *)&length, 4);
	length = ntohl(length);
	if (length > sizeof(frame))
		errx(1, "a frame of %u bytes", length);
	read_all(fd, frame, length);
	/* An interface that is down takes none. */
	if (write(tap, frame, length) < 0)
		return;
}

int main(int count, char *arguments[])
{
	if (count != 3)
		errx(2, "usage: tap SOCKET INTERFACE");

	int tap = open_tap(arguments[2]), fd = connect_to(arguments[1]);
	struct pollfd fds[] = {{tap, POLLIN, 0}, {fd, POLLIN, 0}};

	while (poll(fds, 2, -1) > 0) {
		if (fds[1].revents)
			to_tap(tap, fd);
		if (fds[0].revents & POLLIN)
			to_socket(tap, fd);
	}
	return 1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/display/sway_version.h"

#include "protocol/base/cleanup.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define MAGIC	      "i3-ipc"
#define MAGIC_LENGTH  6
#define HEADER_LENGTH (MAGIC_LENGTH + 8)
#define GET_VERSION   7
#define ANSWER_MAX    4096U

static int parse_number(const char *text, const char *key, unsigned int *number)
{
	const char *found = strstr(text, key);
	char *end;
	unsigned long value;

	if (!found)
		return -EBADMSG;
	found += strlen(key);
	found += strspn(found, ": \t\n");
	value = strtoul(found, &end, 10);
	if (end == found || value > 1000)
		return -EBADMSG;
	*number = (unsigned int)value;
	return 0;
}

int sway_version_parse(const char *text, struct sway_version *version)
{
	int error = parse_number(text, "\"major\"", &version->major);

	return error ? error : parse_number(text, "\"minor\"", &version->minor);
}

static int connect_to(int wayland_fd)
{
	const struct timeval second = {.tv_sec = 1};
	const char *folder = getenv("XDG_RUNTIME_DIR");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int length;

	if (fd < 0 || getsockopt(wayland_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/sway-ipc.%u.%d.sock",
			  folder ? folder : "", peer.uid, (int)peer.pid);
	if (!folder || length < 0 || (size_t)length >= sizeof(address.sun_path))
		return -ENOENT;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return errno == ECONNREFUSED ? -ENOENT : -errno;
	return take_fd(&fd);
}

static int read_all(int fd, void *bytes, size_t length)
{
	const ssize_t count = recv(fd, bytes, length, MSG_WAITALL);

	if (count < 0)
		return -errno;
	return (size_t)count == length ? 0 : -EBADMSG;
}

int sway_version_get(int wayland_fd, struct sway_version *version)
{
	_cleanup_close_ int fd = connect_to(wayland_fd);
	uint32_t header[2] = {0, GET_VERSION};
	char bytes[HEADER_LENGTH], answer[ANSWER_MAX + 1];
	int error;

	if (fd < 0)
		return fd;
	memcpy(bytes, MAGIC, MAGIC_LENGTH);
	memcpy(bytes + MAGIC_LENGTH, header, sizeof(header));
	if (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) != (ssize_t)sizeof(bytes))
		return -EIO;
	error = read_all(fd, bytes, sizeof(bytes));
	if (error)
		return error;
	memcpy(header, bytes + MAGIC_LENGTH, sizeof(header));
	if (memcmp(bytes, MAGIC, MAGIC_LENGTH) != 0 || header[0] > ANSWER_MAX)
		return -EBADMSG;
	error = read_all(fd, answer, header[0]);
	if (error)
		return error;
	answer[header[0]] = '\0';
	return sway_version_parse(answer, version);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/display/sway.h"

#include "guest-agent/common/unix_socket.h"
#include "protocol/base/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#define MAGIC	      "i3-ipc"
#define MAGIC_LENGTH  6
#define HEADER_LENGTH (MAGIC_LENGTH + 8)
#define RUN_COMMAND   0
#define GET_VERSION   7
#define ANSWER_MAX    4096U
#define COMMANDS_MAX  2048

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
	_cleanup_close_ int fd = -EBADF;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	char path[PATH_MAX];

	if (getsockopt(wayland_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	snprintf(path, sizeof(path), "%s/sway-ipc.%u.%d.sock", folder ? folder : "", peer.uid,
		 (int)peer.pid);
	fd = unix_socket_connect(path);
	if (fd < 0)
		return fd == -ECONNREFUSED || fd == -ENAMETOOLONG ? -ENOENT : fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	if (fcntl(fd, F_SETFL, 0) < 0)
		return -errno;
	return take_fd(&fd);
}

static int read_all(int fd, void *bytes, size_t length)
{
	const ssize_t count = recv(fd, bytes, length, MSG_WAITALL);

	if (count < 0)
		return -errno;
	return (size_t)count == length ? 0 : -EBADMSG;
}

static int ask(int wayland_fd, uint32_t type, const char *text, char answer[static ANSWER_MAX + 1])
{
	_cleanup_close_ int fd = connect_to(wayland_fd);
	uint32_t header[2] = {(uint32_t)strlen(text), type};
	char bytes[HEADER_LENGTH];
	/* At once: a peer that has its answer may hang up. */
	struct iovec parts[] = {{bytes, sizeof(bytes)}, {(void *)(uintptr_t)text, strlen(text)}};
	const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	int error;

	if (fd < 0)
		return fd;
	memcpy(bytes, MAGIC, MAGIC_LENGTH);
	memcpy(bytes + MAGIC_LENGTH, header, sizeof(header));
	if (sendmsg(fd, &message, MSG_NOSIGNAL) != (ssize_t)(sizeof(bytes) + strlen(text)))
		return -EIO;
	error = read_all(fd, bytes, sizeof(bytes));
	if (error)
		return error;
	memcpy(header, bytes + MAGIC_LENGTH, sizeof(header));
	if (memcmp(bytes, MAGIC, MAGIC_LENGTH) != 0 || header[0] > ANSWER_MAX)
		return -EBADMSG;
	error = read_all(fd, answer, header[0]);
	answer[header[0]] = '\0';
	return error;
}

int sway_version_get(int wayland_fd, struct sway_version *version)
{
	char answer[ANSWER_MAX + 1];
	int error = ask(wayland_fd, GET_VERSION, "", answer);

	return error ? error : sway_version_parse(answer, version);
}

static bool is_name(const char *name)
{
	return *name && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789-_") == strlen(name);
}

int sway_commands(const struct head_list *heads, char *text, size_t capacity)
{
	size_t length = 0;

	for (size_t i = 0; i < heads->count; i++) {
		const struct head *head = &heads->heads[i];
		const uint32_t scale = head->scale_milli ? head->scale_milli : 1000;
		int added;

		if (!is_name(head->connector))
			return -EINVAL;
		if (head->enabled)
			added = snprintf(text + length, capacity - length,
					 "output %s enable mode --custom %ux%u position %d %d "
					 "scale %u.%03u; ",
					 head->connector, head->width, head->height, head->x,
					 head->y, scale / 1000, scale % 1000);
		else
			added = snprintf(text + length, capacity - length, "output %s disable; ",
					 head->connector);
		if (added < 0 || (size_t)added >= capacity - length)
			return -EMSGSIZE;
		length += (size_t)added;
	}
	return 0;
}

int sway_configure(int wayland_fd, const struct head_list *heads)
{
	char commands[COMMANDS_MAX] = "", answer[ANSWER_MAX + 1];
	int error = sway_commands(heads, commands, sizeof(commands));

	if (!error)
		error = ask(wayland_fd, RUN_COMMAND, commands, answer);
	if (error)
		return error;
	/* One answer a command. */
	return strstr(answer, "\"success\": false") || strstr(answer, "\"success\":false") ? -EIO
											   : 0;
}

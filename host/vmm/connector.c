/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/connector.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Before each try: neither side spins, whatever the back end does. */
#define RETRY_MS 250

#define DESCRIPTORS 3

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(DESCRIPTORS * sizeof(int))];
};

/* --- The child -----------------------------------------------------------------------------------
 */

static void hand_over(const struct vhost_sockets *sockets)
{
	int fds[DESCRIPTORS] = {sockets->back_end, sockets->requests, sockets->back_ends_requests};
	char byte = 0;
	struct iovec iov = {&byte, sizeof(byte)};
	union control control = {0};
	struct msghdr packet = {.msg_iov = &iov,
				.msg_iovlen = 1,
				.msg_control = control.bytes,
				.msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&packet);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(header), fds, sizeof(fds));
	(void)sendmsg(STDIN_FILENO, &packet, MSG_NOSIGNAL);
}

/* Return: whether the VMM is still there after a while. */
static bool wait_a_while(void)
{
	struct pollfd wait = {.fd = STDIN_FILENO};

	return poll(&wait, 1, RETRY_MS) == 0;
}

static bool connect_to(const char *path)
{
	struct vhost_sockets sockets;

	do {
		if (!wait_a_while())
			return false;
	} while (vhost_connect(path, &sockets) < 0);
	hand_over(&sockets);
	vhost_close(&sockets);
	return true;
}

static _Noreturn void serve(int fd, const char *path)
{
	sigset_t all;
	char byte;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "lodge-connect");
	dup2(fd, STDIN_FILENO);
	close_range(STDOUT_FILENO, ~0U, 0);
	while (recv(STDIN_FILENO, &byte, sizeof(byte), 0) == sizeof(byte) && connect_to(path))
		;
	_exit(0);
}

/* --- The VMM -------------------------------------------------------------------------------------
 */

int connector_start(struct connector *connector, const char *path)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	connector->child = fork();
	if (connector->child == 0) {
		close(ends[0]);
		serve(ends[1], path);
	}
	close(ends[1]);
	connector->fd = ends[0];
	if (connector->child < 0) {
		int error = -errno;

		connector->child = 0;
		cleanup_close(&connector->fd);
		connector->fd = -EBADF;
		return error;
	}
	return 0;
}

void connector_end(struct connector *connector)
{
	if (connector->child <= 0)
		return;
	cleanup_close(&connector->fd);
	connector->fd = -EBADF;
	while (waitpid(connector->child, NULL, 0) < 0 && errno == EINTR)
		;
	connector->child = 0;
}

int connector_ask(const struct connector *connector)
{
	char byte = 0;

	if (connector->child <= 0)
		return -ENOENT;
	return send(connector->fd, &byte, sizeof(byte), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno
											 : 0;
}

int connector_receive(const struct connector *connector, struct vhost_sockets *sockets)
{
	int fds[DESCRIPTORS];
	char byte;
	struct iovec iov = {&byte, sizeof(byte)};
	union control control;
	struct msghdr packet = {.msg_iov = &iov,
				.msg_iovlen = 1,
				.msg_control = control.bytes,
				.msg_controllen = sizeof(control.bytes)};
	ssize_t got = recvmsg(connector->fd, &packet, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *header;

	if (got < 0)
		return -errno;
	header = CMSG_FIRSTHDR(&packet);
	/* It is our own child: it sends all of them or has ended. */
	if (got == 0 || !header || header->cmsg_len != CMSG_LEN(sizeof(fds)))
		return -EPIPE;
	memcpy(fds, CMSG_DATA(header), sizeof(fds));
	*sockets = (struct vhost_sockets){fds[0], fds[1], fds[2]};
	return 0;
}

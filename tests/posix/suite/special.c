/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * special - FIFOs, sockets and device nodes
 */
#include "suite.h"

#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

static void fifos(const struct suite *suite)
{
	char buffer[8] = "";
	pid_t child;
	int fd;

	expect_done(suite, "mkfifo", mkfifo("fifo", 0640));
	expect_equal(suite, "kind and mode", status(suite, "fifo").st_mode, S_IFIFO | 0640);
	expect_error(suite, "mkfifo over a name", mkfifo("fifo", 0600), EEXIST);
	expect_error(suite, "open without a reader", open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	child = fork();
	if (!child) {
		fd = open("fifo", O_WRONLY);
		_exit(write(fd, "through", 7) == 7 ? 0 : 1);
	}
	fd = (int)need(suite, "open", open("fifo", O_RDONLY));
	expect_equal(suite, "read of a FIFO", read(fd, buffer, sizeof(buffer)), 7);
	expect(suite, "what came through", !memcmp(buffer, "through", 7));
	close(fd);
	waitpid(child, NULL, 0);
	expect_done(suite, "unlink of a FIFO", unlink("fifo"));
}

static void sockets(const struct suite *suite)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	char byte = 0;
	int served;

	expect_done(suite, "bind", bind(listener, (struct sockaddr *)&address, sizeof(address)));
	expect(suite, "is a socket", S_ISSOCK(status(suite, "socket").st_mode));
	expect_error(suite, "open of a socket", open("socket", O_RDWR), ENXIO);
	expect_error(suite, "bind over a name",
		     bind(client, (struct sockaddr *)&address, sizeof(address)), EADDRINUSE);
	need(suite, "listen", listen(listener, 1));
	expect_done(suite, "connect",
		    connect(client, (struct sockaddr *)&address, sizeof(address)));
	served = accept(listener, NULL, NULL);
	need(suite, "write", write(client, "s", 1));
	expect_equal(suite, "read of a socket", read(served, &byte, 1), 1);
	close(served);
	close(client);
	close(listener);
	expect_done(suite, "mknod of a socket", mknod("made", S_IFSOCK | 0600, 0));
	expect_equal(suite, "made socket", status(suite, "made").st_mode, S_IFSOCK | 0600);
}

static void devices(const struct suite *suite)
{
	struct stat stat;

	if (!can_be_others(suite))
		return;
	/* A server without the right to make devices refuses; natively root may. */
	if (!observe(suite, "mknod of a device", mknod("null", S_IFCHR | 0666, makedev(1, 3))))
		return;
	stat = status(suite, "null");
	expect(suite, "device's numbers", S_ISCHR(stat.st_mode) && stat.st_rdev == makedev(1, 3));
	need(suite, "mknod", mknod("block", S_IFBLK | 0600, makedev(259, 70000)));
	stat = status(suite, "block");
	expect(suite, "large numbers",
	       S_ISBLK(stat.st_mode) && stat.st_rdev == makedev(259, 70000));
}

void group_special(const struct suite *suite)
{
	expect_done(suite, "mknod of a file", mknod("file", S_IFREG | 0640, 0));
	expect_equal(suite, "made file", status(suite, "file").st_mode, S_IFREG | 0640);
	fifos(suite);
	sockets(suite);
	devices(suite);
}

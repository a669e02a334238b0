/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: screen http sandbox arguments pump relay busloop protocol base
/*
 * A hostile browser: connections to a listener, what they say, in what pieces. The seeds know the
 * token, so that WebSockets begin too; what comes by them is echoed.
 */
#include "host/screen/web/web.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define MAX_VIEWERS 8

struct viewer_link {
	struct fuzz *fuzz;
	struct link *link;
};

struct fuzz {
	uv_loop_t loop;
	struct web *web;
	struct viewer_link viewer[MAX_VIEWERS];
	unsigned int viewers;
	int fd;
};

static size_t echo(void *owner, const uint8_t *bytes, size_t length)
{
	link_send(((struct viewer_link *)owner)->link, bytes, length);
	return length;
}

static void echo_closed(void *owner, int error)
{
	struct viewer_link *viewer = owner;

	(void)error;
	link_free(viewer->link);
	viewer->link = NULL;
}

static const struct link_handlers echo_handlers = {echo, NULL, echo_closed};

static int take_viewer(void *owner, struct link *link, const char *peer)
{
	struct fuzz *fuzz = owner;
	struct viewer_link *viewer;

	(void)peer;
	if (fuzz->viewers == MAX_VIEWERS) {
		link_free(link);
		return -EMFILE;
	}
	viewer = &fuzz->viewer[fuzz->viewers++];
	*viewer = (struct viewer_link){fuzz, link};
	link_set_handlers(link, &echo_handlers, viewer);
	return 0;
}

static void drain(struct fuzz *fuzz)
{
	static uint8_t unread[1 << 16];

	for (unsigned int turns = 0; turns < 3; turns++) {
		uv_run(&fuzz->loop, UV_RUN_NOWAIT);
		while (recv(fuzz->fd, unread, sizeof(unread), MSG_DONTWAIT) > 0)
			;
	}
}

/* The kernel chooses its name. */
static int listening(struct sockaddr_un *address, socklen_t *length)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_un any = {.sun_family = AF_UNIX};

	*length = sizeof(*address);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any.sun_family)) < 0 ||
	    listen(fd, 16) < 0 || getsockname(fd, (struct sockaddr *)address, length) < 0)
		abort();
	return fd;
}

static void open_connection(struct fuzz *fuzz, const struct sockaddr_un *address, socklen_t length)
{
	if (fuzz->fd >= 0)
		close(fuzz->fd);
	fuzz->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fuzz->fd < 0 || connect(fuzz->fd, (const struct sockaddr *)address, length) < 0)
		abort();
	drain(fuzz);
}

/* 0xff and a number: a pause after so many bytes, and with 0 a new connection. */
static void play(struct fuzz *fuzz, const uint8_t *bytes, size_t size,
		 const struct sockaddr_un *address, socklen_t length)
{
	size_t at = 0, end;

	while (at < size) {
		for (end = at; end < size && bytes[end] != 0xff; end++)
			;
		if (end > at)
			send(fuzz->fd, bytes + at, end - at, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (end + 1 < size && bytes[end + 1] == 0)
			open_connection(fuzz, address, length);
		drain(fuzz);
		at = end + 2;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {.fd = -1};
	const struct web_options options = {
		.token = "0123456789abcdef", .viewer = take_viewer, .owner = &fuzz};
	struct sockaddr_un address;
	struct screen *screen;
	socklen_t length;

	signal(SIGPIPE, SIG_IGN);
	if (uv_loop_init(&fuzz.loop) < 0)
		abort();
	screen = screen_new(&fuzz.loop, "fuzz");
	if (!screen ||
	    web_listen(screen, listening(&address, &length), NULL, &options, &fuzz.web) < 0)
		abort();
	open_connection(&fuzz, &address, length);
	play(&fuzz, bytes, size, &address, length);
	web_close(fuzz.web);
	for (unsigned int i = 0; i < fuzz.viewers; i++)
		link_free(fuzz.viewer[i].link);
	close(fuzz.fd);
	screen_free(screen);
	uv_run(&fuzz.loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&fuzz.loop) < 0)
		abort();
	return 0;
}

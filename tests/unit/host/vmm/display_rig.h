/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * display_rig - a display with its loop, and the client's end of its channel
 *
 * Used by unit tests and fuzz targets, which is why it is a header. The loop has no thread:
 * display_rig_turn() lets it do what there is to do.
 */
#ifndef LODGE_TESTS_DISPLAY_RIG_H
#define LODGE_TESTS_DISPLAY_RIG_H

#include "host/vmm/display.h"
#include "host/vmm/loop.h"
#include "protocol/base/bytes.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct display_rig {
	struct loop *loop;
	struct display *display;
	struct sockaddr_un address;
	socklen_t address_size;
	int ram_fd;
};

/* What a client holds. */
struct display_client {
	int fd;
	struct channel_hello hello;
	int ram_fd, area_fd;
	const struct channel_area *area;
};

/* @ram: stands for what the descriptor maps; they need not be the same bytes. */
static inline void display_rig_open(struct display_rig *rig, const uint8_t *ram, size_t ram_bytes,
				    unsigned int heads)
{
	struct display_setup setup = {
		.heads = heads, .width = 640, .height = 480, .ram = ram, .ram_bytes = ram_bytes};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*rig = (struct display_rig){.loop = loop_new(),
				    .address = {.sun_family = AF_UNIX},
				    .address_size = sizeof(rig->address),
				    .ram_fd = memfd_create("ram", MFD_CLOEXEC)};
	setup.ram_fd = rig->ram_fd;
	/* A name of the kernel's choice. */
	if (fd < 0 || ftruncate(rig->ram_fd, (off_t)ram_bytes) < 0 ||
	    bind(fd, (struct sockaddr *)&rig->address, sizeof(sa_family_t)) < 0 ||
	    listen(fd, 4) < 0 ||
	    getsockname(fd, (struct sockaddr *)&rig->address, &rig->address_size) < 0 ||
	    display_new(&setup, rig->loop, fd, &rig->display) < 0)
		abort();
}

static inline void display_rig_close(struct display_rig *rig)
{
	display_free(rig->display);
	loop_free(rig->loop);
	close(rig->ram_fd);
}

struct display_rounds {
	struct loop *loop;
	unsigned int left;
};

static inline void display_rig_round(void *owner, uint32_t events)
{
	struct display_rounds *rounds = owner;

	(void)events;
	if (--rounds->left == 0)
		loop_stop(rounds->loop);
}

static inline void display_rig_turn(struct display_rig *rig)
{
	struct display_rounds rounds = {rig->loop, 8};
	int fd = eventfd(1, EFD_CLOEXEC);
	struct loop_source *source;

	if (loop_add_fd(rig->loop, fd, EPOLLIN, display_rig_round, &rounds, &source) < 0)
		abort();
	loop_run(rig->loop);
	loop_remove(source);
	close(fd);
}

/* Return: bytes of the next packet, 0 at the end; -1 if there is none now. */
static inline ssize_t display_client_receive(struct display_client *client, void *packet,
					     size_t size)
{
	return recv(client->fd, packet, size, MSG_DONTWAIT);
}

/* Connect, and take HELLO with its descriptors. Return: whether that came. */
static inline bool display_client_open(struct display_client *client, struct display_rig *rig)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct iovec iov = {&client->hello, sizeof(client->hello)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	int fds[2];

	*client = (struct display_client){.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
	if (connect(client->fd, (struct sockaddr *)&rig->address, rig->address_size) < 0)
		return false;
	display_rig_turn(rig);
	if (recvmsg(client->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) !=
		    sizeof(client->hello) ||
	    control.header.cmsg_len != CMSG_LEN(sizeof(fds)))
		return false;
	memcpy(fds, CMSG_DATA(&control.header), sizeof(fds));
	client->ram_fd = fds[0];
	client->area_fd = fds[1];
	client->area = mmap(NULL, sizeof(*client->area), PROT_READ, MAP_SHARED, client->area_fd, 0);
	return client->area != MAP_FAILED;
}

static inline void display_client_close(struct display_client *client)
{
	munmap((void *)client->area, sizeof(*client->area));
	close(client->ram_fd);
	close(client->area_fd);
	close(client->fd);
}

static inline void display_client_send(struct display_client *client, const void *packet,
				       size_t size)
{
	if (send(client->fd, packet, size, MSG_NOSIGNAL) < 0)
		return; /* disconnected: what is received says so */
}

/* Damage of @head is welcome. */
static inline void display_client_next(struct display_client *client, struct display_rig *rig,
				       uint32_t head)
{
	struct channel_head next = {CHANNEL_NEXT, head};

	display_client_send(client, &next, sizeof(next));
	display_rig_turn(rig);
}

#endif

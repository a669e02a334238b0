/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host/screen/source/fake_vmm.h"

#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

void fake_vmm_open(struct fake_vmm *vmm)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	vmm->fd = pair[0];
	vmm->peer_fd = pair[1];
	vmm->ram_fd = memfd_create("ram", MFD_CLOEXEC);
	vmm->area_fd = memfd_create("area", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(vmm->ram_fd, FAKE_RAM), 0);
	ck_assert_int_eq(ftruncate(vmm->area_fd, sizeof(struct channel_area)), 0);
	vmm->ram = mmap(NULL, FAKE_RAM, PROT_READ | PROT_WRITE, MAP_SHARED, vmm->ram_fd, 0);
	vmm->area = mmap(NULL, sizeof(struct channel_area), PROT_READ | PROT_WRITE, MAP_SHARED,
			 vmm->area_fd, 0);
	ck_assert_ptr_ne(vmm->ram, MAP_FAILED);
	ck_assert_ptr_ne(vmm->area, MAP_FAILED);
}

void fake_vmm_close(struct fake_vmm *vmm)
{
	munmap(vmm->ram, FAKE_RAM);
	munmap(vmm->area, sizeof(struct channel_area));
	close(vmm->ram_fd);
	close(vmm->area_fd);
	if (vmm->fd >= 0)
		close(vmm->fd);
	if (vmm->peer_fd >= 0)
		close(vmm->peer_fd);
}

void fake_vmm_hello(struct fake_vmm *vmm, unsigned int heads)
{
	struct channel_hello hello = {.kind = CHANNEL_HELLO,
				      .magic = CHANNEL_MAGIC,
				      .version = CHANNEL_VERSION,
				      .heads = heads,
				      .ram_bytes = FAKE_RAM,
				      .area_bytes = sizeof(struct channel_area)};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct iovec iov = {&hello, sizeof(hello)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	int fd[2] = {vmm->ram_fd, vmm->area_fd};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(&control.header), fd, sizeof(fd));
	ck_assert_int_eq(sendmsg(vmm->fd, &message, 0), sizeof(hello));
}

void fake_vmm_send(struct fake_vmm *vmm, const void *packet, size_t length)
{
	ck_assert_int_eq(send(vmm->fd, packet, length, MSG_NOSIGNAL), (ssize_t)length);
}

void fake_vmm_scanout(struct fake_vmm *vmm, unsigned int head, uint32_t width, uint32_t height,
		      uint64_t offset)
{
	struct channel_scanout *scanout = &vmm->area->scanout[head];
	struct channel_head packet = {.kind = CHANNEL_SCANOUT, .head = head};

	__atomic_fetch_add(&scanout->sequence, 1, __ATOMIC_SEQ_CST);
	scanout->generation++;
	scanout->enabled = width > 0;
	scanout->format = 2;
	scanout->stride = width * 4;
	scanout->x = scanout->y = 0;
	scanout->width = width;
	scanout->height = height;
	scanout->extents = 1;
	scanout->extent[0] = (struct channel_extent){offset, (uint64_t)width * height * 4};
	__atomic_fetch_add(&scanout->sequence, 1, __ATOMIC_SEQ_CST);
	fake_vmm_send(vmm, &packet, sizeof(packet));
}

void fake_vmm_damage(struct fake_vmm *vmm, unsigned int head, uint32_t x, uint32_t y,
		     uint32_t width, uint32_t height)
{
	struct channel_damage damage = {.kind = CHANNEL_DAMAGE,
					.head = head,
					.x = x,
					.y = y,
					.width = width,
					.height = height};

	fake_vmm_send(vmm, &damage, sizeof(damage));
}

size_t fake_vmm_receive(struct fake_vmm *vmm, void *packet, size_t size)
{
	ssize_t got = recv(vmm->fd, packet, size, MSG_DONTWAIT);

	return got > 0 ? (size_t)got : 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: vmm virtqueue sandbox forward arguments probe protocol base
/* Two ports, whose clients come, go, send and read as the input says; control messages of any kind.
 */
#include "host/vmm/virtio/console.h"
#include "tests/fuzz/virtio_guest.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PORTS 2

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* One input at a time. */
static struct sockaddr_un address[PORTS];
static socklen_t address_size[PORTS];
static int client[PORTS];

/* An abstract name: nothing is left behind. */
static int listen_at(unsigned int port)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	address[port] = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (bind(fd, (struct sockaddr *)&address[port], sizeof(sa_family_t)) < 0 ||
	    listen(fd, 2) < 0)
		abort();
	address_size[port] = sizeof(address[port]);
	getsockname(fd, (struct sockaddr *)&address[port], &address_size[port]);
	return fd;
}

static void be_client(struct guest *guest, const uint8_t *command)
{
	unsigned int port = command[1] % PORTS;
	uint8_t bytes[4096] = {0};

	if (client[port] < 0) {
		client[port] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(client[port], (struct sockaddr *)&address[port], address_size[port]) <
		    0)
			abort();
	} else if (command[2] % 4 == 0) {
		close(client[port]);
		client[port] = -1;
	} else if (command[2] % 4 == 1) {
		while (recv(client[port], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
	} else if (command[2] % 4 == 2) {
		shutdown(client[port], SHUT_WR);
	} else {
		send(client[port], bytes, load_le16(command + 4) % sizeof(bytes),
		     MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	guest_run_rounds(guest, 2);
}

/* A control message that names things that exist. */
static void control(struct guest *guest, const uint8_t *command)
{
	struct guest_buffer buffer = {GUEST_BUFFERS_AT + 0x200, 8, false};
	uint8_t *message = guest_at(guest, buffer.gpa);

	store_le32(message, command[2] % (PORTS + 1));
	store_le16(message + 4, command[3] % 8);
	store_le16(message + 6, command[4] % 3);
	if (guest->queue[VIRTIO_CONSOLE_CONTROL_TRANSMIT].size == 0)
		return;
	guest_add(guest, VIRTIO_CONSOLE_CONTROL_TRANSMIT, &buffer, 1);
	guest_kick(guest, VIRTIO_CONSOLE_CONTROL_TRANSMIT);
}

static void special(struct guest *guest, const uint8_t *command)
{
	if (command[11] & 1)
		control(guest, command);
	else
		be_client(guest, command);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct virtio_console_port ports[PORTS];
	struct virtio_device *device;
	struct guest guest;

	for (unsigned int i = 0; i < PORTS; i++) {
		ports[i] = (struct virtio_console_port){"port", listen_at(i)};
		client[i] = -1;
	}
	guest_init(&guest);
	if (virtio_console_new(&guest.memory, ports, PORTS, &device) < 0)
		abort();
	fuzz_run(&guest, device, device->offered_features, special, bytes, size);
	for (unsigned int i = 0; i < PORTS; i++) {
		if (client[i] >= 0)
			close(client[i]);
	}
	return 0;
}

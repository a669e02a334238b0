/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: vmm virtqueue sandbox forward arguments probe protocol base
/* Frames in both directions: the guest's headers and buffers, and the wire of the backend. */
#include "host/vmm/net/offload.h"
#include "host/vmm/virtio/net.h"
#include "tests/fuzz/virtio_guest.h"

#include <linux/virtio_net.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int peer; /* one input at a time */

static void wire(struct guest *guest, const uint8_t *command)
{
	uint8_t frame[4 + 2000] = {0}, drained[4096];
	size_t size = load_le16(command + 2) % 2000;

	while (recv(peer, drained, sizeof(drained), MSG_DONTWAIT) > 0)
		;
	if (command[1] & 1) {
		frame[2] = (uint8_t)(size >> 8);
		frame[3] = (uint8_t)size;
		send(peer, frame, 4 + size, MSG_NOSIGNAL | MSG_DONTWAIT);
	} else {
		send(peer, command + 4, 8, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	guest_run_rounds(guest, 2);
}

/* Segmentation, which the stream backend leaves whole: any frame, any request. */
static void segment(const uint8_t *bytes, size_t size)
{
	struct offload_request request;
	struct offload offload;
	const uint8_t *frame;
	uint8_t *copy;
	size_t part;

	if (size < 16)
		return;
	request = (struct offload_request){bytes[0], bytes[1], load_le16(bytes + 2),
					   load_le16(bytes + 4), load_le16(bytes + 6)};
	size -= 8;
	copy = malloc(size);
	memcpy(copy, bytes + 8, size);
	if (offload_begin(&offload, &request, copy, size, false) == 0) {
		while ((part = offload_next(&offload, &frame)) > 0) {
			if (frame < copy || part > size - (size_t)(frame - copy))
				abort();
		}
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0, 1, 2, 3};
	struct net_backend *backend;
	struct virtio_device *device;
	struct guest guest;
	int pair[2];

	segment(bytes, size);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	peer = pair[0];
	guest_init(&guest);
	if (net_stream_new(pair[1], 0, &backend) < 0 ||
	    virtio_net_new(&guest.memory, backend, mac, &device) < 0)
		abort();
	fuzz_run(&guest, device, device->offered_features, wire, bytes, size);
	close(peer);
	return 0;
}

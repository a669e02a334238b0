/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/net.h"

#include "host/vmm/net/offload.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/iov.h"

#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <stdio.h>

#define QUEUE_SIZE	   256
#define PCI_CLASS_ETHERNET 0x020000

#define HEADER_BYTES sizeof(struct virtio_net_hdr_v1)

/* Chains of one queue handled before the other has its turn. */
#define BUDGET 64

struct net {
	struct virtio_device device;
	struct virtio_net_config config;
	struct net_backend *backend;

	/* The frame from the guest that is being sent. */
	struct offload offload;
	const uint8_t *unsent; /* what the backend could not take */
	size_t unsent_size;
	uint8_t frame[NET_FRAME_MAX_BYTES];
};

static struct net *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct net, device);
}

/* --- To the guest --- */

/* One frame on its way into one or more chains. */
struct delivery {
	struct virtqueue_chain first; /* has the header */
	uint16_t head[VIRTIO_MAX_QUEUE_SIZE];
	uint32_t written[VIRTIO_MAX_QUEUE_SIZE];
	uint16_t chains;
	size_t done; /* bytes of the frame */
};

static void write_header(const struct net *net, struct delivery *delivery)
{
	uint8_t header[HEADER_BYTES] = {0};

	if (virtio_has(&net->device, VIRTIO_NET_F_GUEST_CSUM) &&
	    net->backend->delivers_valid_checksums)
		header[offsetof(struct virtio_net_hdr_v1, flags)] = VIRTIO_NET_HDR_F_DATA_VALID;
	store_le16(header + offsetof(struct virtio_net_hdr_v1, num_buffers), delivery->chains);
	iov_write(virtqueue_chain_writable(&delivery->first), delivery->first.writable, 0, header,
		  sizeof(header));
}

/* Pop a chain and put the next part of the frame into it. Return: false if there is none. */
static bool fill_chain(struct net *net, struct delivery *delivery, const uint8_t *frame,
		       size_t size)
{
	struct virtqueue_chain next;
	bool is_first = delivery->chains == 0;
	struct virtqueue_chain *chain = is_first ? &delivery->first : &next;
	size_t offset = is_first ? HEADER_BYTES : 0, part;

	if (!virtio_pop(&net->device, VIRTIO_NET_RECEIVE, chain))
		return false;
	if (chain->writable_bytes <= offset) {
		virtio_break(&net->device, "a receive buffer of the network card is too small");
		return false;
	}
	part = iov_write(virtqueue_chain_writable(chain), chain->writable, offset,
			 frame + delivery->done, size - delivery->done);
	delivery->head[delivery->chains] = chain->head;
	delivery->written[delivery->chains] = (uint32_t)(offset + part);
	delivery->chains++;
	delivery->done += part;
	return true;
}

/* Return: false if the guest has too few buffers now. */
static bool deliver(struct net *net, const uint8_t *frame, size_t size)
{
	struct virtqueue *queue = virtio_queue(&net->device, VIRTIO_NET_RECEIVE);
	bool mergeable = virtio_has(&net->device, VIRTIO_NET_F_MRG_RXBUF);
	struct delivery delivery;

	delivery.chains = 0;
	delivery.done = 0;
	do {
		/* A frame that does not fit into all the buffers there can be is dropped. */
		if (delivery.chains == (mergeable ? queue->size : 1)) {
			virtqueue_unpop(queue, delivery.chains);
			return true;
		}
		if (!fill_chain(net, &delivery, frame, size)) {
			virtqueue_unpop(queue, delivery.chains);
			return queue->size == 0;
		}
	} while (delivery.done < size);
	write_header(net, &delivery);
	for (uint16_t i = 0; i < delivery.chains; i++)
		virtqueue_fill(queue, i, delivery.head[i], delivery.written[i]);
	virtio_count(&net->device, VIRTIO_TO_GUEST, size);
	virtqueue_publish(queue, delivery.chains);
	virtio_notify(&net->device, VIRTIO_NET_RECEIVE);
	return true;
}

/* Frames that come before the driver, or after it, have no reader. */
static bool received(void *card, const uint8_t *frame, size_t size)
{
	struct net *net = card;
	struct virtqueue *queue = virtio_queue(&net->device, VIRTIO_NET_RECEIVE);

	if (queue->size == 0)
		return true;
	/* Too few buffers: have the guest tell of more. Some may have come just before; if they are
	 * too few again, only a kick says that it is worth another try. */
	if (!deliver(net, frame, size) &&
	    (!virtqueue_enable_kicks(queue) || !deliver(net, frame, size)))
		return false;
	virtqueue_disable_kicks(queue);
	return true;
}

/* --- From the guest --- */

/* Return: false if the backend cannot take it now. */
static bool send_frames(struct net *net)
{
	for (;;) {
		if (net->unsent_size == 0)
			net->unsent_size = offload_next(&net->offload, &net->unsent);
		if (net->unsent_size == 0)
			return true;
		if (net->backend->ops->send(net->backend, net->unsent, net->unsent_size) == -EAGAIN)
			return false;
		virtio_count(&net->device, VIRTIO_FROM_GUEST, net->unsent_size);
		net->unsent_size = 0;
	}
}

/* Copy a frame, and let its offloads begin. What is no frame is dropped. */
static void take_frame(struct net *net, const struct virtqueue_chain *chain)
{
	bool may_offload = virtio_has(&net->device, VIRTIO_NET_F_CSUM);
	uint8_t header[HEADER_BYTES];
	struct offload_request request = {0};
	size_t size;

	net->offload.size = net->offload.at = 0;
	if (chain->readable_bytes < HEADER_BYTES + NET_FRAME_MIN_BYTES ||
	    chain->readable_bytes > HEADER_BYTES + NET_FRAME_MAX_BYTES)
		return;
	iov_read(chain->iov, chain->readable, 0, header, sizeof(header));
	size = iov_read(chain->iov, chain->readable, HEADER_BYTES, net->frame, sizeof(net->frame));
	if (may_offload) {
		request.flags = header[offsetof(struct virtio_net_hdr_v1, flags)];
		request.gso_type = header[offsetof(struct virtio_net_hdr_v1, gso_type)];
		request.gso_size = load_le16(header + offsetof(struct virtio_net_hdr_v1, gso_size));
		request.csum_start =
			load_le16(header + offsetof(struct virtio_net_hdr_v1, csum_start));
		request.csum_offset =
			load_le16(header + offsetof(struct virtio_net_hdr_v1, csum_offset));
	}
	if (offload_begin(&net->offload, &request, net->frame, size,
			  net->backend->takes_large_frames) < 0)
		net->offload.size = net->offload.at = 0;
}

static void transmit(struct net *net)
{
	struct virtio_device *device = &net->device;
	struct virtqueue *queue = virtio_queue(device, VIRTIO_NET_TRANSMIT);
	unsigned int budget = BUDGET;
	struct virtqueue_chain chain;
	bool backend_ready = true;

	virtqueue_disable_kicks(queue);
	while (budget > 0 && (backend_ready = send_frames(net)) &&
	       virtio_pop(device, VIRTIO_NET_TRANSMIT, &chain)) {
		budget--;
		take_frame(net, &chain);
		virtqueue_push(queue, chain.head, 0);
	}
	virtio_notify(device, VIRTIO_NET_TRANSMIT);
	/* A backend that is full says when it is not; then this goes on. */
	if (backend_ready && (budget == 0 || virtqueue_enable_kicks(queue)))
		virtio_kick(device, VIRTIO_NET_TRANSMIT);
}

static void writable(void *card)
{
	transmit(card);
}

static void closed(void *card)
{
	struct net *net = card;

	__atomic_store_n(&net->config.status, 0, __ATOMIC_RELAXED);
	net->unsent_size = 0;
	virtio_config_changed(&net->device);
	virtio_kick(&net->device, VIRTIO_NET_TRANSMIT);
}

static const struct net_card_ops card_ops = {received, writable, closed};

/* --- The device --- */

/* 5.1.3.1: segmentation stands on checksums. */
static bool features_ok(const struct virtio_device *device, uint64_t features)
{
	uint64_t segmentation =
		VIRTIO_FEATURE(VIRTIO_NET_F_HOST_TSO4) | VIRTIO_FEATURE(VIRTIO_NET_F_HOST_TSO6);

	(void)device;
	return !(features & segmentation) || features & VIRTIO_FEATURE(VIRTIO_NET_F_CSUM);
}

static int start(struct virtio_device *device)
{
	struct net *net = of(device);

	return net->backend->ops->start(net->backend, device->loop, &card_ops, net);
}

static void queue_ready(struct virtio_device *device, unsigned int index)
{
	struct net *net = of(device);

	if (index == VIRTIO_NET_RECEIVE)
		net->backend->ops->more(net->backend);
	else
		transmit(net);
}

/* What the guest left to us is ours: it may go on its way. What waited for it has no reader. */
static void reset(struct virtio_device *device)
{
	struct net *net = of(device);

	net->unsent_size = 0;
	net->offload.size = net->offload.at = 0;
	net->backend->ops->more(net->backend);
}

static void net_free(struct virtio_device *device)
{
	struct net *net = of(device);

	net->backend->ops->free(net->backend);
	virtio_device_release(device);
	free(net);
}

static const struct virtio_device_ops ops = {
	.name = "net",
	.id = VIRTIO_ID_NET,
	.class_code = PCI_CLASS_ETHERNET,
	.features_ok = features_ok,
	.start = start,
	.queue_ready = queue_ready,
	.reset = reset,
	.free = net_free,
};

int virtio_net_new(const struct guestmem *memory, struct net_backend *backend, const uint8_t mac[6],
		   struct virtio_device **device)
{
	_cleanup_free_ struct net *net = calloc(1, sizeof(*net));
	int result;

	if (!net)
		return -ENOMEM;
	net->backend = backend;
	memcpy(net->config.mac, mac, sizeof(net->config.mac));
	net->config.status = htole16(VIRTIO_NET_S_LINK_UP);
	net->device.ops = &ops;
	snprintf(net->device.name, sizeof(net->device.name), "network card");
	net->device.offered_features =
		VIRTIO_FEATURE(VIRTIO_NET_F_MAC) | VIRTIO_FEATURE(VIRTIO_NET_F_STATUS) |
		VIRTIO_FEATURE(VIRTIO_NET_F_CSUM) | VIRTIO_FEATURE(VIRTIO_NET_F_GUEST_CSUM) |
		VIRTIO_FEATURE(VIRTIO_NET_F_HOST_TSO4) | VIRTIO_FEATURE(VIRTIO_NET_F_HOST_TSO6) |
		VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF);
	if (backend->mtu_bytes) {
		net->device.offered_features |= VIRTIO_FEATURE(VIRTIO_NET_F_MTU);
		net->config.mtu = htole16(backend->mtu_bytes);
	}
	net->device.config = &net->config;
	/* MAC, status, MTU; what follows belongs to features that are not offered. */
	net->device.config_size = offsetof(struct virtio_net_config, speed);
	net->device.queues = 2;
	result = virtio_device_init(&net->device, memory, QUEUE_SIZE);
	if (result < 0)
		return result;
	*device = &take_ptr(net)->device;
	return 0;
}

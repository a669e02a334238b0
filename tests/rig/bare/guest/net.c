/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include "io.h"
#include "lib.h"

#include <linux/if_arp.h>

/* The version 1 header: always with num_buffers. */
#define HEADER sizeof(struct virtio_net_hdr_v1)

#define FRAME_MIN 60

struct arp {
	uint8_t destination[ETH_ALEN], source[ETH_ALEN];
	uint16_t type;
	uint16_t hardware, protocol;
	uint8_t hardware_length, protocol_length;
	uint16_t operation;
	uint8_t sender_mac[ETH_ALEN], sender_ip[4];
	uint8_t target_mac[ETH_ALEN], target_ip[4];
} __attribute__((packed));

static uint16_t big(uint16_t value)
{
	return __builtin_bswap16(value);
}

bool net_restart(struct net *net, uint64_t features)
{
	struct virtio *device = &net->device;

	if (!virtio_negotiate(device, features | FEATURE(VIRTIO_NET_F_MAC)) ||
	    !virtqueue_start(&net->receive, device, NET_RECEIVE) ||
	    !virtqueue_start(&net->transmit, device, NET_TRANSMIT))
		return false;
	for (unsigned i = 0; i < ETH_ALEN; i++)
		net->mac[i] = mmio_read8(device->config + i);
	virtio_driver_ok(device);
	net->buffers = allocate((size_t)NET_BUFFERS * NET_BUFFER, 16);
	for (unsigned i = 0; i < NET_BUFFERS; i++) {
		struct buffer buffer = {net->buffers[i], NET_BUFFER, true};

		virtqueue_add(&net->receive, &buffer, 1);
	}
	virtqueue_notify(&net->receive);
	return true;
}

bool net_start(struct net *net, uint64_t features)
{
	return virtio_find(&net->device, VIRTIO_ID_NET, 0) && net_restart(net, features);
}

bool net_send(struct net *net, const void *frame, uint32_t length)
{
	uint8_t *bytes = allocate(HEADER + length, 16);
	struct buffer buffer = {bytes, (uint32_t)HEADER + length, false};

	memcpy(bytes + HEADER, frame, length);
	return virtqueue_add(&net->transmit, &buffer, 1) >= 0 &&
	       virtqueue_exchange(&net->transmit, NULL) >= 0;
}

uint32_t net_receive(struct net *net, void *frame, uint32_t size, uint64_t ms)
{
	uint32_t length = 0;
	struct buffer buffer = {NULL, NET_BUFFER, true};
	int head;

	if (!wait_for(virtqueue_has_used(&net->receive), ms))
		return 0;
	head = virtqueue_take(&net->receive, &length);
	if (head < 0 || length < HEADER || length > NET_BUFFER)
		return 0;
	length -= (uint32_t)HEADER;
	if (length > size)
		length = size;
	buffer.address = (void *)net->receive.desc[head].addr;
	memcpy(frame, (uint8_t *)buffer.address + HEADER, length);
	virtqueue_add(&net->receive, &buffer, 1);
	virtqueue_kick(&net->receive);
	return length;
}

bool net_arp(struct net *net)
{
	uint8_t frame[FRAME_MIN] = {0};
	struct arp *arp = (struct arp *)frame;

	*arp = (struct arp){
		.destination = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		.type = big(ETH_P_ARP),
		.hardware = big(ARPHRD_ETHER),
		.protocol = big(ETH_P_IP),
		.hardware_length = ETH_ALEN,
		.protocol_length = 4,
		.operation = big(ARPOP_REQUEST),
		.sender_ip = {10, 0, 2, 15},
		.target_ip = {10, 0, 2, 2},
	};
	memcpy(arp->source, net->mac, ETH_ALEN);
	memcpy(arp->sender_mac, net->mac, ETH_ALEN);
	if (!net_send(net, frame, sizeof(frame)))
		return false;
	for (int tries = 0; tries < 8; tries++) {
		if (net_receive(net, frame, sizeof(frame), VIRTIO_ANSWER_MS) < sizeof(*arp))
			return false;
		if (arp->type == big(ETH_P_ARP) && arp->operation == big(ARPOP_REPLY) &&
		    memcmp(arp->target_mac, net->mac, ETH_ALEN) == 0 && arp->sender_ip[3] == 2)
			return true;
	}
	return false;
}

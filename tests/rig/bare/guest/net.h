/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net - a virtio network device (virtio 1.2, 5.1): one pair of queues, ARP as proof of life */
#ifndef BARE_NET_H
#define BARE_NET_H

#include "virtio.h"

#include <linux/if_ether.h>
#include <linux/virtio_net.h>

#define NET_RECEIVE  0
#define NET_TRANSMIT 1
#define NET_BUFFERS  16
#define NET_BUFFER   2048

struct net {
	struct virtio device;
	struct virtqueue receive, transmit;
	uint8_t mac[ETH_ALEN];
	uint8_t (*buffers)[NET_BUFFER];
};

bool net_start(struct net *net, uint64_t features);
bool net_restart(struct net *net, uint64_t features);
/* @frame without virtio header. */
bool net_send(struct net *net, const void *frame, uint32_t length);
/* Return: length of the frame put into @frame, 0 if none came within @ms. */
uint32_t net_receive(struct net *net, void *frame, uint32_t size, uint64_t ms);
/* Asks who has 10.0.2.2 (the host, as libslirp has it); true if it answers us. */
bool net_arp(struct net *net);

#endif
